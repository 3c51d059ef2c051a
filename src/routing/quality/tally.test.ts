import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  backedOffPrior,
  beta,
  credibleInterval,
  NO_OUTCOMES,
  shrunkenMean,
  type Tally,
  withOutcome,
} from "./tally.ts";

const DAY = 86_400_000;
const halfLifeMs = 30 * DAY;
const prior = { mean: 0.5, strength: 20 };
const count = (outcomes: readonly number[], at = 0): Tally =>
  outcomes.reduce((tally, good) => withOutcome(tally, { good, at, halfLifeMs }), NO_OUTCOMES);
const mean = (tally: Tally, at = 0) => shrunkenMean(tally, { prior, at, halfLifeMs });

describe("the shrunken mean", () => {
  it("is the prior's without outcomes, and its own in the long run", () => {
    expect(mean(NO_OUTCOMES)).toBe(0.5);
    expect(mean(count([1, 1, 1]))).toBeCloseTo((3 + 10) / 23, 12);
    expect(mean(count(new Array(100_000).fill(1)))).toBeGreaterThan(0.999);
  });

  it("gives the task's own outcomes half the weight after twenty", () => {
    expect(mean(count(new Array(20).fill(1)))).toBeCloseTo(0.75, 12);
  });

  it("halves an outcome's weight with each half-life, back towards the prior", () => {
    const tally = count(new Array(20).fill(1));
    expect(mean(tally, halfLifeMs)).toBeCloseTo((10 + 10) / 30, 12);
    expect(mean(tally, 100 * halfLifeMs)).toBeCloseTo(0.5, 12);
  });

  it("does not depend on the order in which outcomes arrive", () => {
    const outcome = fc.record({ good: fc.constantFrom(0, 1), at: fc.nat(100 * DAY) });
    fc.assert(
      fc.property(fc.array(outcome, { minLength: 1, maxLength: 30 }), (outcomes) => {
        const end = 100 * DAY;
        const of = (list: typeof outcomes) =>
          mean(
            list.reduce((tally, each) => withOutcome(tally, { ...each, halfLifeMs }), NO_OUTCOMES),
            end,
          );
        expect(of([...outcomes].reverse())).toBeCloseTo(of(outcomes), 9);
      }),
    );
  });

  it("survives a clock that jumps back", () => {
    const tally = withOutcome(count([1], 10 * DAY), { good: 1, at: 0, halfLifeMs });
    expect(tally.at).toBe(10 * DAY);
    expect(tally.all).toBeGreaterThan(1);
    expect(tally.all).toBeLessThan(2);
    expect(mean(tally, 0)).toBe(mean(tally, 10 * DAY));
  });

  it("holds scores to 0 and 1", () => {
    expect(count([7]).good).toBe(1);
    expect(count([-7]).good).toBe(0);
  });
});

it("the credible interval holds the mean and shrinks with outcomes", () => {
  const width = (tally: Tally) => {
    const { low, high } = credibleInterval(tally, { prior, at: 0, halfLifeMs, probability: 0.9 });
    expect(low).toBeLessThan(mean(tally));
    expect(high).toBeGreaterThan(mean(tally));
    return high - low;
  };
  const few = width(count([1, 0, 1, 1]));
  expect(width(count(new Array(400).fill(0).map((_, at) => (at % 4 === 0 ? 0 : 1))))).toBeLessThan(few / 2);
});

describe("the prior by back-off", () => {
  const options = { unknown: 0.6, at: 0, halfLifeMs };

  it("is what is known of nothing, then of the model, then of the tool set", () => {
    expect(backedOffPrior({ tools: NO_OUTCOMES, all: NO_OUTCOMES, ...options }).mean).toBeCloseTo(0.6, 12);
    const all = count(new Array(10_000).fill(0));
    expect(backedOffPrior({ tools: NO_OUTCOMES, all, ...options }).mean).toBeLessThan(0.01);
    const tools = count(new Array(1_000).fill(1));
    expect(backedOffPrior({ tools, all, ...options }).mean).toBeGreaterThan(0.95);
  });

  it("weighs as much as twenty outcomes", () => {
    const back = backedOffPrior({ tools: NO_OUTCOMES, all: NO_OUTCOMES, ...options });
    expect(beta(NO_OUTCOMES, { prior: back, at: 0, halfLifeMs })).toEqual({ good: 12, bad: 8 });
  });
});
