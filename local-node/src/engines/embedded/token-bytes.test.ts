import { getLlama, LlamaLogLevel, type LlamaModel } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testModelPath } from "../test-model.ts";
import { tokenSpelling } from "./binding.ts";
import { tokenBytes } from "./token-bytes.ts";
import { createTokenLabels } from "./token-labels.ts";

describe("tokenBytes", () => {
  it.each([
    ["whole text is its UTF-8", "é", "Ã©", [0xc3, 0xa9]],
    ["a part of a character, in the byte-level alphabet", "\uFFFD", "Ã", [0xc3]],
    ["a byte token", "\uFFFD", "<0xE2>", [0xe2]],
    ["what no alphabet explains", "\uFFFD", "日", [0xef, 0xbf, 0xbd]],
  ])("%s", (_, text, spelling, bytes) => {
    expect(tokenBytes(text, spelling)).toEqual(bytes);
  });
});

describe("the labels of a real model's tokens", () => {
  let model: LlamaModel;
  beforeAll(async () => {
    const llama = await getLlama({
      gpu: false,
      build: "never",
      skipDownload: true,
      maxThreads: 1,
      logLevel: LlamaLogLevel.error,
    });
    model = await llama.loadModel({ modelPath: await testModelPath(), vocabOnly: true });
  }, 120_000);
  afterAll(() => model.llama.dispose());

  it("have bytes that make up the text, also where characters are split over tokens", () => {
    const labelOf = createTokenLabels(model);
    const text = 'naïve 日本語 👩‍👩‍👧 "quoted"\n\tЖ \u{10348} end';
    const labels = model.tokenize(text).map(labelOf);
    const bytes = Uint8Array.from(labels.flatMap((label) => label.bytes));
    expect(new TextDecoder().decode(bytes)).toBe(text);
    expect(labels.some((label) => label.token.includes("\uFFFD"))).toBe(true);
  });

  it("agree for every token of the vocabulary with what the engine writes", () => {
    const labelOf = createTokenLabels(model);
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    let checked = 0;
    for (const token of model.iterateAllTokens()) {
      if (model.isSpecialToken(token)) continue;
      const label = labelOf(token);
      expect(decoder.decode(Uint8Array.from(label.bytes)), tokenSpelling(model, token)).toBe(label.token);
      checked++;
    }
    expect(checked).toBeGreaterThan(10_000);
  });
});
