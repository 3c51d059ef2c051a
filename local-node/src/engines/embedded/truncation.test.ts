import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { complete, startCall } from "../test-call.ts";
import { testModelPath } from "../test-model.ts";
import { createEmbeddedEngine, type EmbeddedEngine } from "./embedded.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const CONTEXT_TOKENS = 256;
const WORDS = "The quick brown fox jumps over the lazy dog. ";
const settings = { temperature: 0, max_tokens: 4 };

describe("a conversation that is longer than the context", () => {
  let engine: EmbeddedEngine;
  beforeAll(async () => {
    engine = await createEmbeddedEngine({
      modelId: "smollm2",
      modelPath: await testModelPath(),
      fileSha256: "a".repeat(64),
      quantisation: "Q4_1",
      contextTokens: CONTEXT_TOKENS,
    });
  });
  afterAll(() => engine.close());

  const turn = (index: number) => [
    { role: "user", content: `Question ${index}: ${WORDS.repeat(5)}` },
    { role: "assistant", content: "Yes." },
  ];
  const messages = [
    { role: "system", content: "Be brief." },
    ...[0, 1, 2, 3, 4, 5].flatMap(turn),
    { role: "user", content: "Why?" },
  ];

  it("is refused, and told what would help", async () => {
    await expect(startCall(engine, { messages, ...settings })).rejects.toMatchObject({
      status: 400,
      code: "context_length_exceeded",
      message: expect.stringContaining("truncation"),
    });
  });

  it("loses its oldest messages where the caller allows it, no more than must go", async () => {
    const reply = await complete(engine, { messages, ...settings, truncation: "auto" });
    const { prompt_tokens: tokens } = reply.usage;
    expect(tokens).toBeLessThanOrEqual(CONTEXT_TOKENS - settings.max_tokens);
    // Another turn, of some 65 tokens, would not have fitted.
    expect(tokens).toBeGreaterThan(CONTEXT_TOKENS - settings.max_tokens - 80);
  });

  it("is refused where even its last question does not fit", async () => {
    const question = [{ role: "user", content: WORDS.repeat(60) }];
    await expect(
      startCall(engine, { messages: question, ...settings, truncation: "auto" }),
    ).rejects.toMatchObject({ code: "context_length_exceeded" });
  });
});
