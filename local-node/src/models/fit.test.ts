import { expect, test } from "vitest";
import { memoryNeeded, requireFit } from "./fit.ts";
import type { GgufSummary } from "./gguf.ts";

const QWEN3_4B: GgufSummary = {
  architecture: "qwen3",
  name: null,
  type: "model",
  contextTokens: 262_144,
  quantisation: "Q4_K_M",
  hasChatTemplate: true,
  cacheBytesPerToken: 147_456,
};

test("memory is weights, cache of every slot, and buffers", () => {
  const one = memoryNeeded({ fileBytes: 2.5e9, gguf: QWEN3_4B, sequences: 1 });
  expect(one).toBe(2.5e9 + 147_456 * 8192 + 300e6);
  const four = memoryNeeded({ fileBytes: 2.5e9, gguf: QWEN3_4B, sequences: 4, contextTokens: 16_384 });
  expect(four).toBe(2.5e9 + 147_456 * 16_384 * 4 + 300e6);
});

test("what cannot fit is refused before it is loaded, with the figures", () => {
  const fit = { id: "qwen3-4b", needed: 4e9, memoryBytes: 2e9, gpuMemoryBytes: 3.5e9 };
  expect(() => requireFit(fit)).toThrow(
    /qwen3-4b needs about 4\.0 GB of memory, and this machine has 3\.5 GB/,
  );
  expect(() => requireFit({ ...fit, gpuMemoryBytes: 8e9 })).not.toThrow();
});
