import { describe, expect, it } from "vitest";
import { type RunPolicy, replay, truth } from "../bench/conversion/replay.ts";
import { seededRandom } from "../src/routing/statistics/seeded-random.ts";
import type { DrawOutcome } from "../src/work/task.ts";

// Lives of tasks in the gateway's own pure code, from observe on: 400 calls each, over seeds. Who moves, and was it right?
const CALLS = 400;
const SEEDS = 20;
const POLICY: RunPolicy = {
  promotion: "automatic",
  minCalls: 5,
  minTests: 40,
  formMargin: 0.1,
  canaryAudits: 2,
  maxP95Ms: null,
  epsilon: 0.1,
  delta: 0.1,
  drawShare: 1,
};

interface Made {
  /** Of all answers, right ones. */
  right: number;
  /** Of the wrong ones, those that look as sure as right ones. */
  sure?: number;
  invalid?: number;
}

/** Recorded outcomes of a model that is right so often. */
function pool({ right, sure = 1, invalid = 0 }: Made): DrawOutcome[] {
  const random = seededRandom(7);
  return Array.from({ length: 2_000 }, (): DrawOutcome => {
    const isRight = random() < right;
    const score = isRight || random() < sure ? 0.5 + random() / 2 : random() / 2;
    const valid = random() >= invalid;
    return {
      candidate: "small",
      fingerprint: "sf1_small",
      basis: "whole",
      answer: valid ? { kind: "scored", score, basis: "whole" } : { kind: "rejected" },
      label: isRight ? "fine" : "wrong",
      by: "text",
      form: { valid, referenceValid: true, overCalled: null },
      findings: [],
      latencyMs: 1,
      slmTokens: null,
      referenceTokens: null,
    };
  });
}

function lives(made: Made, { calls = CALLS, ...more }: Partial<RunPolicy> & { calls?: number } = {}) {
  const outcomes = pool(made);
  const runs = Array.from({ length: SEEDS }, (_, seed) =>
    replay({ pool: outcomes, calls, policy: { ...POLICY, ...more }, random: seededRandom(seed) }),
  );
  const promoted = runs.filter(({ promotedAfter }) => promotedAfter !== null);
  const wrong = runs.filter(
    ({ threshold }) => threshold !== null && truth(outcomes, threshold).loss > POLICY.epsilon,
  );
  return { runs, promoted, wrong };
}

describe("a task", () => {
  it("that the small model can do is promoted, and loses no more than was certified", () => {
    const { runs, promoted, wrong } = lives({ right: 1 });
    expect(promoted.length).toBeGreaterThan(SEEDS * 0.6);
    expect(wrong).toEqual([]);
    for (const { after } of runs) expect(after.losses).toBe(0);
    for (const { after } of promoted) expect(after.served).toBeGreaterThan(0);
  });

  it("that it cannot do is not", () => {
    const { runs } = lives({ right: 0.3 });
    for (const { mode, threshold, after } of runs) {
      expect(mode).toBe("shadow");
      expect(threshold).toBeNull();
      expect(after.calls).toBe(0);
    }
  });

  it("whose loss is just above what may be is hardly ever certified", () => {
    // One threshold would release all, and lose 10.5 %.
    const { wrong } = lives({ right: 0.895 });
    // More than 5 of 20 at a probability of 0.1: less than one seed in eighty.
    expect(wrong.length).toBeLessThanOrEqual(5);
  });

  it("most of which it can do is moved where it is sure, and stays with the reference elsewhere", () => {
    // A certificate for a part of the answers waits for 150 draws of its side, three of ten.
    const { runs, wrong } = lives({ right: 0.7, sure: 0 }, { calls: 900 });
    const certified = runs.filter(({ threshold }) => threshold !== null);
    expect(certified.length).toBeGreaterThan(0);
    expect(wrong.length).toBeLessThanOrEqual(5);
    for (const { after } of runs) expect(after.served).toBeLessThan(Math.max(1, after.calls));
  });

  it("that it answers right and in a bad form is not moved", () => {
    const { runs } = lives({ right: 1, invalid: 0.3 });
    expect(new Set(runs.map(({ mode }) => mode))).toEqual(new Set(["shadow"]));
  });

  it("waits for a person where the settings say so", () => {
    const { runs } = lives({ right: 1 }, { promotion: "approval" });
    for (const { after, promotedAfter } of runs) expect([after.calls, promotedAfter]).toEqual([0, null]);
    expect(runs.some(({ threshold }) => threshold !== null)).toBe(true);
  });
});
