import { describe, expect, it } from "vitest";
import { lookAtTask } from "./certify-task.ts";
import { drawsOf, fineOutcome, shadowTask } from "./fixtures/drawn-task.ts";
import type { DrawRecord, Task, Terms } from "./task.ts";

const TERMS: Terms = { epsilon: 0.05, delta: 0.1, share: 1, judge: null, feedbackThreshold: 0.5 };
const LOTTERY = { id: "explored", seed: "s", share: 1 };
const NOW = 5_000_000;

let ids = 0;
const look = (task: Task, draws: readonly DrawRecord[], policy = TERMS, now = NOW, longestCallMs = 0) =>
  lookAtTask({ task, draws, policy, longestCallMs, now, newId: () => `id-${ids++}` });

const explored = (more: Partial<Parameters<typeof drawsOf>[0]> = {}) =>
  drawsOf({ lottery: LOTTERY, side: "train", count: 40, outcome: () => fineOutcome(), ...more });

const opened = (): Task => look(shadowTask(), explored()).task;

describe("an open window", () => {
  it.each<[string, Partial<Terms>]>([
    ["delta", { delta: 0.05 }],
    ["epsilon", { epsilon: 0.02 }],
    ["the draw share", { share: 0.5 }],
    ["the judge", { judge: "gpt-5-mini" }],
    ["the feedback threshold", { feedbackThreshold: 0.8 }],
  ])("is closed when %s changes, and the next one spends of the new terms", (_name, change) => {
    const task = opened();
    const lottery = task.window?.lottery ?? LOTTERY;
    const draws = [
      ...explored(),
      ...drawsOf({ lottery, count: 20, from: 1_000_000, outcome: () => fineOutcome() }),
    ];
    const now = { ...TERMS, ...change };
    const closed = look(task, draws, now);
    expect(closed).toMatchObject({ closed: true, task: { window: null, attempts: 1 } });
    expect(closed.task.lottery?.id).not.toBe(lottery.id);
    const again = look(closed.task, draws, now).task;
    expect(again).toMatchObject({ attempts: 2, terms: now, window: { attempt: 2, epsilon: now.epsilon } });
    expect(look(again, draws, now).closed).toBe(false);
  });

  it("stays open while its terms do", () => {
    const task = opened();
    expect(task).toMatchObject({ terms: TERMS, attempts: 1 });
    expect(look(task, explored())).toMatchObject({
      closed: false,
      task: { window: { id: task.window?.id } },
    });
  });
});

describe("thresholds", () => {
  it("are chosen on no audit, whose score is of its having been served", () => {
    const served = fineOutcome({ answer: { kind: "scored", score: Number.MAX_VALUE, basis: "whole" } });
    const audits = explored({ kind: "audit", count: 100, from: 1_000_000, outcome: () => served });
    expect(look(shadowTask(), audits).task.window).toBeNull();
    expect(look(shadowTask(), [...explored(), ...audits]).task.window?.thresholds).toEqual([1]);
  });

  it("are chosen on nothing that was drawn before the shadow began", () => {
    expect(look(shadowTask({ stageSince: 4_000_000 }), explored()).task.window).toBeNull();
  });

  it("are chosen on nothing that another model said", () => {
    const other = explored({ outcome: () => fineOutcome({ fingerprint: "sf1_other" }) });
    expect(look(shadowTask(), other).task.window).toBeNull();
  });
});

it("a certificate is made of calls that began longer ago than any call may take", () => {
  const hour = 3_600_000;
  const task = opened();
  const lottery = task.window?.lottery ?? LOTTERY;
  const from = 1_000_000;
  const draws = drawsOf({ lottery, from, side: "calibration", count: 150, outcome: () => fineOutcome() });
  const last = draws.at(-1)?.at ?? 0;
  const at = (now: number) => look(task, draws, TERMS, now, hour).task.certification;
  // All have come back, and those that take long may not have been told of.
  expect(at(last + 60_000)).toBeNull();
  expect(at(from + hour)).toBeNull();
  expect(at(last + hour + 60_000)?.threshold).toBe(1);
});
