import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readAdapter } from "./adapter.ts";
import { ggufWithData, type Pair } from "./testing/small-gguf.ts";
import { testAdapter } from "./testing/test-adapter.ts";

const SHA256 = "b".repeat(64);
const BASE: Pair[] = [["general.architecture", "llama"]];
const numbers = (count: number) => new Float32Array(count);

describe("an adapter on disk", () => {
  let folder: string;
  let base: { id: string; path: string; sha256: string };
  const put = async (name: string, bytes: Buffer): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, bytes);
    return path;
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "routelet-adapters-"));
    const tensors = [
      { name: "token_embd.weight", dimensions: [4, 16], data: numbers(64) },
      { name: "blk.0.ffn_down.weight", dimensions: [8, 4], data: numbers(32) },
    ];
    base = { id: "base", path: await put("base.gguf", ggufWithData(BASE, tensors)), sha256: SHA256 };
  });
  afterAll(() => rm(folder, { recursive: true }));
  const read = async (bytes: Buffer, name = "tone") =>
    readAdapter({ name, path: await put(`${name.length}.gguf`, bytes), base });

  it("is read where it fits, with its hash", async () => {
    const bytes = await testAdapter(base.path);
    expect(await read(bytes)).toEqual({
      name: "tone",
      path: join(folder, "4.gguf"),
      bytes: bytes.length,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    await read(await testAdapter(base.path, { pairs: [["routelet.base.sha256", SHA256]] }));
  });

  it("may change the embedding, whose halves stand the other way round", async () => {
    const tensors = [
      { name: "token_embd.weight.lora_a", dimensions: [1, 16], data: numbers(16) },
      { name: "token_embd.weight.lora_b", dimensions: [1, 4], data: numbers(4) },
    ];
    expect(await read(ggufWithData(headerOf(), tensors))).toMatchObject({ name: "tone" });
  });

  const headerOf = (changed: Pair[] = []): Pair[] => [
    ...new Map<string, Pair[1]>([
      ["general.architecture", "llama"],
      ["general.type", "adapter"],
      ["adapter.type", "lora"],
      ["adapter.lora.alpha", { f32: 1 }],
      ...changed,
    ]),
  ];
  const pairOf = (name: string, from: number, to: number, rank = 1) => [
    { name: `${name}.lora_a`, dimensions: [from, rank], data: numbers(from * rank) },
    { name: `${name}.lora_b`, dimensions: [rank, to], data: numbers(rank * to) },
  ];
  const good = pairOf("blk.0.ffn_down.weight", 8, 4);

  it.each([
    ["a whole model", ggufWithData(BASE, []), /is no LoRA adapter/],
    [
      "another architecture",
      ggufWithData(headerOf([["general.architecture", "qwen3"]]), good),
      /qwen3, not llama/,
    ],
    [
      "another file",
      ggufWithData(headerOf([["routelet.base.sha256", "c".repeat(64)]]), good),
      /c{64}, not b{64}/,
    ],
    ["another size", ggufWithData(headerOf(), pairOf("blk.0.ffn_down.weight", 16, 4)), /16 × 4 .* has 8 × 4/],
    [
      "more layers",
      ggufWithData(headerOf(), pairOf("blk.9.ffn_down.weight", 8, 4)),
      /blk\.9.* does not have/,
    ],
    ["half of a pair", ggufWithData(headerOf(), good.slice(0, 1)), /no whole pair/],
    ["nothing at all", ggufWithData(headerOf(), []), /changes nothing/],
    [
      "no scale",
      ggufWithData(
        headerOf().filter(([key]) => key !== "adapter.lora.alpha"),
        good,
      ),
      /lora\.alpha/,
    ],
  ])("for %s is refused in one line that says why", async (_name, bytes, message) => {
    await expect(read(bytes)).rejects.toMatchObject({
      code: "wrong_adapter",
      message: expect.stringMatching(message),
    });
  });

  it("is refused under a name that no request could carry, and where there is none", async () => {
    await expect(read(await testAdapter(base.path), "a b+c")).rejects.toMatchObject({
      code: "wrong_adapter",
    });
    const nowhere = readAdapter({ name: "tone", path: join(folder, "none"), base });
    await expect(nowhere).rejects.toMatchObject({
      code: "wrong_adapter",
      message: expect.stringMatching(/ENOENT/),
    });
  });
});
