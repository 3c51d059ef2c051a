import { describe, expect, it } from "vitest";
import { nextMove } from "../conversion/modes.ts";
import type { Certification } from "../routing/guarantee/learn-then-test.ts";
import { seededRandom } from "../routing/statistics/seeded-random.ts";
import { CANDIDATE, drawsOf, fineOutcome, shadowTask } from "./fixtures/drawn-task.ts";
import { standingOf } from "./standing.ts";
import type { DrawRecord, Task } from "./task.ts";

const LOTTERY = { id: "window", seed: "s", share: 1 };
const POLICY = { epsilon: 0.05, delta: 0.1 };
const NOW = 10 * 24 * 3_600_000;
const INVALID = { valid: false, referenceValid: true, overCalled: null };

const certification: Certification = {
  windowId: "window",
  attempt: 1,
  epsilon: 0.05,
  delta: 0.1,
  n: 200,
  missing: 0,
  threshold: 0.5,
  tests: [],
};

const certified = (more: Partial<Task> = {}): Task =>
  shadowTask({ certification, lottery: LOTTERY, ...more });

const stand = (draws: readonly DrawRecord[], more: Partial<Parameters<typeof standingOf>[0]> = {}) =>
  standingOf({
    task: certified(),
    draws,
    served: CANDIDATE,
    policy: POLICY,
    longestCallMs: 0,
    now: NOW,
    ...more,
  });

const tested = (count: number, outcome: Parameters<typeof drawsOf>[0]["outcome"] = () => fineOutcome()) =>
  drawsOf({ lottery: LOTTERY, side: "test", count, outcome });

describe("the form conditions", () => {
  it("pass a model that is worse than the margin in no more than δ of the tasks, though each label is looked at", () => {
    const policy = {
      promotion: "automatic",
      minCalls: 0,
      minTests: 40,
      formMargin: 0.1,
      canaryAudits: 1,
      maxP95Ms: null,
    } as const;
    const random = seededRandom(5);
    const runs = 300;
    const all = tested(160);
    let passed = 0;
    for (let run = 0; run < runs; run++) {
      const draws = all.map((each) => {
        const form = random() < policy.formMargin ? { form: INVALID } : {};
        return { ...each, outcome: fineOutcome(form) };
      });
      let hasPassed = false;
      for (let looked = policy.minTests; looked <= draws.length && !hasPassed; looked += 10)
        hasPassed = "to" in nextMove(stand(draws.slice(0, looked)), policy);
      if (hasPassed) passed++;
    }
    // δ and three standard errors of the simulation.
    expect(passed / runs).toBeLessThan(0.15);
  }, 20_000);

  it("go by the present attempt's draws alone: those of a taken back one, and audits, are of none", () => {
    const before = drawsOf({
      lottery: { ...LOTTERY, id: "before" },
      side: "test",
      count: 50,
      outcome: () => fineOutcome(),
    });
    const audits = drawsOf({
      lottery: LOTTERY,
      side: "test",
      kind: "audit",
      count: 50,
      outcome: () => fineOutcome(),
    });
    expect(stand([...before, ...audits])).toMatchObject({ tests: 0, invalid: { n: 0, bound: 1 } });
    expect(stand([...before, ...tested(7)]).tests).toBe(7);
  });

  it("count a draw against the model whose reference cannot be read, that another model answered, or that is lost", () => {
    const { form: _form, ...unread } = fineOutcome({ label: "missing", by: "no_reference" });
    expect(stand(tested(3, () => unread)).invalid).toMatchObject({ n: 3, worse: 3 });
    const other = fineOutcome({ fingerprint: "sf1_other" });
    expect(stand(tested(3, () => other)).invalid).toMatchObject({ n: 3, worse: 3 });
    expect(stand(tested(3, () => null)).invalid).toMatchObject({ n: 3, worse: 3 });
  });

  it("wait for a draw that may still come, whatever came back after it", () => {
    const draws = tested(10, (number) => (number === 4 ? null : fineOutcome()));
    expect(stand(draws, { now: 60_000 }).tests).toBe(4);
  });
});

it("a certificate is weaker than what is asked where its ε or δ is larger", () => {
  const terms = { epsilon: 0.05, delta: 0.1, share: 1, judge: null, feedbackThreshold: 0.5 };
  const weaker = (policy: typeof POLICY) => stand([], { task: certified({ terms }), policy }).weaker;
  expect(weaker(POLICY)).toBe(false);
  expect(weaker({ epsilon: 0.1, delta: 0.2 })).toBe(false);
  expect(weaker({ epsilon: 0.04, delta: 0.1 })).toBe(true);
  expect(weaker({ epsilon: 0.05, delta: 0.05 })).toBe(true);
});
