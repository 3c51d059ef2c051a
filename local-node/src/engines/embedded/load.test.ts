import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { testModelPath } from "../test-model.ts";
import { doesNotFit } from "./admit-alone.ts";
import { createEmbeddedEngine } from "./embedded.ts";
import type { LoadPlan } from "./ipc.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const options = { modelId: "smollm2", fileSha256: "a".repeat(64), quantisation: "Q4_1" };

describe("a model file that cannot be served", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "routelet-model-"));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const loading = (modelPath: string) => createEmbeddedEngine({ ...options, modelPath });

  it("is refused in one line when it is no GGUF file", async () => {
    const path = join(folder, "page.gguf");
    await writeFile(path, "<html>Not found</html>");
    await expect(loading(path)).rejects.toMatchObject({
      code: "model_load_failed",
      message: expect.stringMatching(/^.*page\.gguf is not a GGUF model file.*$/),
    });
  });

  it("is refused in one line when it is not there", async () => {
    await expect(loading(join(folder, "none.gguf"))).rejects.toMatchObject({
      message: expect.stringMatching(/^.*none\.gguf cannot be read \(ENOENT\)\.$/),
    });
  });

  it("is refused in one line when its end is missing", async () => {
    const path = join(folder, "cut.gguf");
    await writeFile(path, (await readFile(await testModelPath())).subarray(0, 20_000_000));
    await expect(loading(path)).rejects.toMatchObject({
      code: "model_load_failed",
      message: expect.stringMatching(/^.*cut\.gguf cannot be loaded: [^\n]+$/),
    });
  });

  it("is refused in one line when its header is damaged", async () => {
    const path = join(folder, "damaged.gguf");
    await writeFile(path, await readFile(await testModelPath()));
    const file = await open(path, "r+");
    await file.write(new Uint8Array(64).fill(0xff), 0, 64, 8);
    await file.close();
    await expect(loading(path)).rejects.toMatchObject({
      code: "model_load_failed",
      message: expect.stringMatching(/^[^\n]*damaged\.gguf[^\n]*$/),
    });
  });

  it("is refused in one line when it has no chat template", async () => {
    const path = join(folder, "base.gguf");
    const bytes = await readFile(await testModelPath());
    // A key of the same length, so that the file stays whole.
    const key = bytes.indexOf("tokenizer.chat_template");
    bytes.write("tokenizer.nope_template", key);
    await writeFile(path, bytes);
    await expect(loading(path)).rejects.toMatchObject({
      code: "model_load_failed",
      message: expect.stringMatching(/^[^\n]*no chat template[^\n]*instruct model\.$/),
    });
  });
});

describe("what a model would take", () => {
  it("is known before it is loaded: key and value cache to the byte, in every shape that could be of use", async () => {
    const plans: LoadPlan[] = [];
    const stop = new Error("enough seen");
    const refused = createEmbeddedEngine({
      ...options,
      modelPath: await testModelPath(),
      memory: {
        admit: async (plan) => {
          plans.push(plan);
          throw stop;
        },
      },
    });
    await expect(refused).rejects.toMatchObject({ code: "model_load_failed", message: "enough seen" });
    const shapes = plans[0]?.shapes.filter((shape) => !shape.onGpu) ?? [];
    expect(shapes.map(({ contextTokens, sequences }) => [contextTokens, sequences])).toEqual([
      [8192, 2],
      [8192, 1],
      [4096, 2],
      [4096, 1],
      [2048, 2],
      [2048, 1],
    ]);
    const ofOne = (tokens: number) =>
      shapes.find((shape) => shape.contextTokens === tokens && shape.sequences === 1)?.ramBytes ?? 0;
    // 30 layers, 3 heads for keys and values of 64 numbers of 2 bytes each.
    const perToken = 30 * 3 * (64 + 64) * 2;
    expect(ofOne(8192) - ofOne(4096)).toBeGreaterThanOrEqual(4096 * perToken);
    expect(ofOne(8192) - ofOne(4096)).toBeLessThan(4096 * perToken * 1.1);
  });

  it("is refused where it does not fit, with both sides of the sum, and nothing stays behind", async () => {
    const refused = createEmbeddedEngine({
      ...options,
      modelPath: await testModelPath(),
      memory: {
        admit: async (plan) => {
          const none = { ramBytes: 100e6, vramBytes: 0 };
          throw doesNotFit("smollm2", plan, { free: none, reclaimable: { ramBytes: 0, vramBytes: 0 } });
        },
      },
    });
    await expect(refused).rejects.toMatchObject({
      code: "does_not_fit",
      message: expect.stringMatching(/^smollm2 needs 0\.\d GB even for one call of 2048 tokens.* 0\.1 GB/),
    });
  });

  it("names an architecture that the engine does not know", async () => {
    const folder = await mkdtemp(join(tmpdir(), "routelet-model-"));
    const path = join(folder, "strange.gguf");
    const bytes = await readFile(await testModelPath());
    // Keys begin with the architecture's name; one of the same length keeps the file whole.
    for (let at = bytes.indexOf("llama"); at !== -1 && at < 5_000_000; at = bytes.indexOf("llama", at))
      bytes.write("lamma", at);
    await writeFile(path, bytes);
    await expect(createEmbeddedEngine({ ...options, modelPath: path })).rejects.toMatchObject({
      message: expect.stringMatching(
        /^The engine does not know the architecture "lamma" of .*strange\.gguf\. Choose/,
      ),
    });
    await rm(folder, { recursive: true });
  });
});
