import { describe, expect, it } from "vitest";
import { costUsd } from "./pricing.ts";

const at = Date.parse("2026-11-01T12:00:00Z");
const usage = { inputTokens: 1_000, cachedInputTokens: 0, outputTokens: 100 };

describe("costUsd", () => {
  it("prices input and output tokens of a known model", () => {
    expect(costUsd({ provider: "openai", model: "gpt-5-mini", usage, at })).toBeCloseTo(0.00045, 8);
  });

  it("knows dated names and other providers", () => {
    expect(costUsd({ provider: "openai", model: "gpt-5-mini-2025-08-07", usage, at })).toBeCloseTo(
      0.00045,
      8,
    );
    expect(costUsd({ provider: "anthropic", model: "claude-sonnet-4-20250514", usage, at })).toBeCloseTo(
      0.0045,
      8,
    );
    expect(
      costUsd({ provider: "workers-ai", model: "@cf/meta/llama-3.1-8b-instruct", usage, at }),
    ).toBeGreaterThan(0);
  });

  it("prices cached input tokens, which are among the input tokens, lower", () => {
    const cached = { ...usage, cachedInputTokens: 500 };
    expect(costUsd({ provider: "openai", model: "gpt-5-mini", usage: cached, at })).toBeCloseTo(0.0003375, 8);
  });

  it.each([
    ["azure", "gpt-4o"],
    ["gemini", "gemini-2.5-pro"],
    ["openrouter", "openai/gpt-4o"],
    ["groq", "llama-3.3-70b-versatile"],
    ["mistral", "mistral-large-latest"],
    ["deepseek", "deepseek-chat"],
    ["xai", "grok-4"],
    ["together", "meta-llama/Llama-3.3-70B-Instruct-Turbo"],
  ])("knows %s's prices", (provider, model) => {
    expect(costUsd({ provider, model, usage, at })).toBeGreaterThan(0);
  });

  it("takes the operator's own price first, and the list's for all else", () => {
    const price = {
      from: "2026-01-01",
      inputPerMillion: 1_000,
      cachedInputPerMillion: null,
      outputPerMillion: 0,
    };
    const prices = [
      { ...price, model: "openai/gpt-5-mini" },
      { ...price, model: "own/m" },
    ];
    expect(costUsd({ provider: "openai", model: "gpt-5-mini", usage, at, prices })).toBeCloseTo(1, 9);
    expect(costUsd({ provider: "own", model: "m", usage, at, prices })).toBeCloseTo(1, 9);
    expect(costUsd({ provider: "openai", model: "gpt-5", usage, at, prices })).toBeLessThan(0.01);
    const renamed = { provider: "own", model: "m-2026-11-01", asked: "m", usage, at, prices };
    expect(costUsd(renamed)).toBeCloseTo(1, 9);
    expect(costUsd({ ...renamed, asked: "alias" })).toBeNull();
    const wrong = { ...usage, inputTokens: -1 };
    expect(costUsd({ provider: "own", model: "m", usage: wrong, at, prices })).toBeNull();
  });

  it("is null for an unknown model or provider, never 0", () => {
    expect(costUsd({ provider: "openai", model: "no-such-model", usage, at })).toBeNull();
    expect(costUsd({ provider: "somewhere", model: "gpt-5-mini", usage, at })).toBeNull();
    expect(costUsd({ provider: "constructor", model: "gpt-5-mini", usage, at })).toBeNull();
  });

  it("is null for a usage that no upstream could mean", () => {
    for (const wrong of [
      { ...usage, inputTokens: -1 },
      { ...usage, outputTokens: Number.NaN },
      { ...usage, cachedInputTokens: 2_000 },
    ]) {
      expect(costUsd({ provider: "openai", model: "gpt-5-mini", usage: wrong, at })).toBeNull();
    }
  });
});
