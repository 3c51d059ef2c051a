import { expect, test } from "vitest";
import { memoryNeed } from "./memory-need.ts";

const MODEL = {
  weights: { ramBytes: 100e6, vramBytes: 0 },
  context: { ramBytes: 155e6, vramBytes: 0 },
  onGpu: false,
  sequences: 1,
  batchTokens: 512,
  vocabulary: { tokens: 49_152, merges: 48_900 },
};

test("on a CPU the logits that are never touched do not count, on a GPU they do", () => {
  const untouched = 511 * 49_152 * 4;
  const onCpu = memoryNeed(MODEL);
  const onGpu = memoryNeed({
    ...MODEL,
    onGpu: true,
    weights: { ramBytes: 0, vramBytes: 100e6 },
    context: { ramBytes: 0, vramBytes: 155e6 },
  });
  expect(onGpu.vramBytes).toBe(255e6);
  expect(onCpu.vramBytes).toBe(0);
  expect(onCpu.ramBytes - onGpu.ramBytes).toBe(255e6 - untouched);
});

test("each further call at once, and a larger vocabulary, take more", () => {
  const grown = memoryNeed({ ...MODEL, sequences: 2 }).ramBytes - memoryNeed(MODEL).ramBytes;
  expect(grown).toBe(49_152 * (200 + 4));
  const vocabulary = { tokens: 262_144, merges: 514_906 };
  expect(memoryNeed({ ...MODEL, batchTokens: 1, vocabulary }).ramBytes).toBeGreaterThan(
    memoryNeed({ ...MODEL, batchTokens: 1 }).ramBytes + 400e6,
  );
});
