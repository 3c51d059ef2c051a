import { describe, expect, it } from "vitest";
import { binomialAtMost } from "../statistics/binomial.ts";
import { type CalibrationSet, calibrationSet } from "./calibration-set.ts";
import type { DrawnOutcome } from "./drawn-outcome.ts";
import { certify } from "./learn-then-test.ts";
import { calibrationDraws, callId, outcomeOf, windowOf } from "./testing/windows.ts";

type Opened = ReturnType<typeof windowOf>;

/** A set of these outcomes, in this order. */
function setOf({ window }: Opened, outcomes: readonly DrawnOutcome[]): CalibrationSet {
  const draws = calibrationDraws(window, outcomes.length);
  const set = calibrationSet({
    window,
    draws,
    outcomes: new Map(draws.map(({ callId: id }, at) => [id, outcomes[at] ?? outcomeOf("missing")])),
    settledBefore: callId(999_999),
  });
  if ("problem" in set) throw new Error(set.message);
  return set;
}

const times = (count: number, outcome: DrawnOutcome) => Array.from({ length: count }, () => outcome);

describe("Learn-then-Test", () => {
  const opened = windowOf({ epsilon: 0.05, method: { kind: "binomial", n: 200 } });

  it("goes on to laxer thresholds while they are rejected, and stops at the first that is not", () => {
    // Between 0.9 and 0.5 one loss comes in, between 0.5 and 0.1 twenty.
    const set = setOf(opened, [
      ...times(100, outcomeOf("fine", 0.95)),
      outcomeOf("wrong", 0.6),
      ...times(20, outcomeOf("wrong", 0.2)),
      ...times(79, outcomeOf("fine", 0.2)),
    ]);
    const { threshold, tests, n } = certify({ ...opened, set });
    expect(threshold).toBe(0.5);
    expect(n).toBe(200);
    expect(tests.map(({ losses, rejected, released }) => [losses, released, rejected])).toEqual([
      [0, 100, true],
      [1, 101, true],
      [21, 200, false],
    ]);
  });

  it("does not go past a threshold that fails, even where a later one would pass", () => {
    // The same losses at every threshold: the first fails, nothing after it is asked.
    const set = setOf(opened, [...times(20, outcomeOf("wrong", 1)), ...times(180, outcomeOf("fine", 1))]);
    const { threshold, tests } = certify({ ...opened, set });
    expect(threshold).toBeNull();
    expect(tests.length).toBe(1);
  });

  it("tests by the exact binomial tail, at the attempt's δ", () => {
    const { window } = opened;
    for (let losses = 0; losses < 12; losses++) {
      const set = setOf(opened, [
        ...times(losses, outcomeOf("wrong", 1)),
        ...times(200 - losses, outcomeOf("fine", 1)),
      ]);
      const [test] = certify({ ...opened, set }).tests;
      const p = binomialAtMost({ k: losses, n: 200, p: 0.05 });
      expect(test?.p).toBe(p);
      expect(test?.rejected).toBe(p <= window.delta);
    }
  });

  it("counts what is missing as losses", () => {
    const set = setOf(opened, [...times(20, outcomeOf("missing", 1)), ...times(180, outcomeOf("fine", 1))]);
    expect(certify({ ...opened, set })).toMatchObject({ threshold: null, missing: 20 });
  });

  it("by betting keeps what was rejected once, however badly it goes on", () => {
    const betting = windowOf({ epsilon: 0.05 });
    const good = times(120, outcomeOf("fine", 1));
    const early = certify({ ...betting, set: setOf(betting, good) });
    expect(early.threshold).toBe(0.1);
    const late = certify({ ...betting, set: setOf(betting, [...good, ...times(60, outcomeOf("wrong", 1))]) });
    expect(late.threshold).toBe(0.1);
    const bad = [...times(60, outcomeOf("wrong", 1)), ...good];
    expect(certify({ ...betting, set: setOf(betting, bad) }).threshold).toBeNull();
  });

  it("certifies nothing without draws", () => {
    const betting = windowOf();
    expect(certify({ ...betting, set: setOf(betting, []) })).toMatchObject({ threshold: null, n: 0 });
  });

  it("takes no set of another window", () => {
    const set = setOf(opened, times(200, outcomeOf("fine")));
    const other = { ...opened, window: { ...opened.window, id: "another" } };
    expect(() => certify({ ...other, set })).toThrow("of window window, not of another");
  });

  it("lets no attempt spend more than its part of the family's δ, nor one that was never opened", () => {
    const set = setOf(opened, times(200, outcomeOf("fine")));
    const { family, window } = opened;
    expect(() => certify({ family, window: { ...window, delta: 0.1 }, set })).toThrow("may not spend 0.1");
    expect(() => certify({ family, window: { ...window, attempt: 2 }, set })).toThrow("may not spend");
  });
});
