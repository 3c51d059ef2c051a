import { expect, it } from "vitest";
import { evaluationResult, type ItemOutcome, NO_ITEMS, withItem } from "./evaluation.ts";

const tallyOf = (outcomes: ItemOutcome[]) =>
  outcomes.reduce(
    (tally, outcome, at) => withItem(tally, { outcome, latencyMs: at + 1, tokens: { input: 10, output: 2 } }),
    NO_ITEMS,
  );

it("has nothing to say of nothing", () => {
  expect(evaluationResult(NO_ITEMS)).toMatchObject({
    items: 0,
    agreement: null,
    validity: null,
    p95Ms: null,
  });
});

it("counts a failure against the model, and what cannot be compared for neither side", () => {
  const result = evaluationResult(
    tallyOf(["agrees", "agrees", "agrees", "differs", "invalid", "failed", "unknown", "unreadable"]),
  );
  expect(result).toMatchObject({ items: 8, p50Ms: 4, p95Ms: 8, inputTokens: 80, outputTokens: 16 });
  expect(result.agreement?.share).toBe(3 / 6);
  expect(result.validity?.share).toBe(5 / 7);
});

it("bounds what few items show", () => {
  const { agreement } = evaluationResult(tallyOf(Array.from({ length: 20 }, () => "agrees" as const)));
  // Wilson: n / (n + z²) with z = 1.645.
  expect(agreement?.low).toBeCloseTo(20 / (20 + 1.6448536 ** 2), 6);
  expect(agreement?.high).toBe(1);
});
