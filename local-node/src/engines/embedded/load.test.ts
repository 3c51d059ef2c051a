import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { testModelPath } from "../test-model.ts";
import { createEmbeddedEngine } from "./embedded.ts";

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
