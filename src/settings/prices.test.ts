import { describe, expect, it } from "vitest";
import { overriddenCost, priceOverride } from "./prices.ts";

const prices = [
  { model: "own/a", from: "2026-01-01", inputPerMillion: 1, outputPerMillion: 2 },
  { model: "own/a", from: "2026-06-01", inputPerMillion: 10, cachedInputPerMillion: 1, outputPerMillion: 20 },
].map((price) => priceOverride.parse(price));
const usage = { inputTokens: 1_000_000, cachedInputTokens: 500_000, outputTokens: 1_000_000 };
const cost = (at: string, model = "a") =>
  overriddenCost({ prices, provider: "own", model, usage, at: Date.parse(at) });

describe("the operator's own prices", () => {
  it.each([
    ["the first day", "2026-01-01T00:00:00Z", 1 + 2],
    ["the last moment of a price", "2026-05-31T23:59:59.999Z", 1 + 2],
    ["the next price, cached input apart", "2026-06-01T00:00:00Z", 5 + 0.5 + 20],
  ])("on %s", (_name, at, usd) => {
    expect(cost(at)).toBeCloseTo(usd, 9);
  });

  it("are unknown, not 0, before their first day and for other models", () => {
    expect(cost("2025-12-31T23:59:59Z")).toBeNull();
    expect(cost("2026-06-01T00:00:00Z", "b")).toBeNull();
  });
});
