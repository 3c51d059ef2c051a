import { describe, expect, it } from "vitest";
import { calibrationSet } from "./calibration-set.ts";
import type { DrawnOutcome } from "./drawn-outcome.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { draw } from "./lottery.ts";
import { calibrationDraws, callId, outcomeOf, windowOf } from "./testing/windows.ts";

const { window } = windowOf();
const draws = calibrationDraws(window, 20);
const END = callId(999_999);
const all = (label: "fine" | "wrong" = "fine") =>
  new Map<string, DrawnOutcome>(draws.map((each) => [each.callId, outcomeOf(label)]));

const setOf = (change: Partial<Parameters<typeof calibrationSet>[0]> = {}) =>
  calibrationSet({ window, draws, outcomes: all(), settledBefore: END, ...change });

const without = (map: Map<string, DrawnOutcome>, at: number) => {
  map.delete(draws[at]?.callId ?? "");
  return map;
};

describe("a calibration set", () => {
  it("is all draws of the calibration side, in the order of the calls", () => {
    const set = setOf({ draws: [...draws].reverse() });
    expect(set).toMatchObject({ windowId: "window", missing: 0 });
    expect(set).toHaveProperty("outcomes.length", 20);
  });

  it("takes none of the other sides", () => {
    const { lottery } = window;
    const other = Array.from({ length: 200 }, (_, at) =>
      draw(lottery, { id: callId(at), splitKey: `key ${at}` }),
    )
      .filter((each) => each !== null)
      .filter(({ side }) => side !== "calibration");
    expect(other.length).toBeGreaterThan(50);
    expect(setOf({ draws: [...draws, ...other] })).toHaveProperty("outcomes.length", 20);
  });

  it("counts a draw without a label as missing: it is not left out", () => {
    const set = setOf({ outcomes: without(all(), 3) });
    expect(set).toMatchObject({ missing: 1 });
    expect(set).toHaveProperty("outcomes.length", 20);
    expect(set).toHaveProperty("outcomes[3].answer.kind", "missing");
  });

  it("ends before the first draw that is still open, whatever came back after it", () => {
    const set = setOf({ outcomes: without(all(), 7), settledBefore: draws[7]?.callId ?? "" });
    expect(set).toHaveProperty("outcomes.length", 7);
  });

  it("is not made of calls that were not drawn by its window", () => {
    const { window: other } = windowOf();
    const foreign = calibrationDraws({ ...other, lottery: { ...other.lottery, id: "before" } }, 1);
    expect(setOf({ draws: [...draws, ...foreign] })).toMatchObject({ problem: "foreign_draw" });
  });

  it("counts a draw once", () => {
    expect(setOf({ draws: [...draws, ...draws.slice(4, 5)] })).toMatchObject({ problem: "drawn_twice" });
  });

  it("is void when what serves has changed", () => {
    const outcomes = all().set(draws[2]?.callId ?? "", {
      ...outcomeOf("fine"),
      fingerprint: "sf1_other" as Fingerprint,
    });
    expect(setOf({ outcomes })).toMatchObject({ problem: "fingerprint_changed" });
  });

  it("takes no score that was not known at the release", () => {
    const outcomes = all().set(draws[2]?.callId ?? "", { ...outcomeOf("fine"), basis: "prefix" });
    expect(setOf({ outcomes })).toMatchObject({ problem: "score_basis" });
  });

  describe("of a binomial window", () => {
    const { window: binomial } = windowOf({ method: { kind: "binomial", n: 12 } });

    it("is its first n draws, and stays so as more come: there is no second look", () => {
      const later = all();
      for (const each of draws.slice(12)) later.set(each.callId, outcomeOf("wrong"));
      const first = setOf({ window: binomial, draws: draws.slice(0, 12) });
      expect(first).toHaveProperty("outcomes.length", 12);
      expect(setOf({ window: binomial, outcomes: later })).toEqual(first);
    });

    it("is not there before all n are settled", () => {
      const outcomes = without(all(), 11);
      expect(setOf({ window: binomial, outcomes, settledBefore: draws[11]?.callId ?? "" })).toMatchObject({
        problem: "too_few",
        message: expect.stringContaining("11 of the 12"),
      });
      expect(setOf({ window: binomial, outcomes })).toMatchObject({ missing: 1 });
    });
  });
});
