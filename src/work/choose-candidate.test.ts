import { describe, expect, it } from "vitest";
import { sideOf } from "../routing/guarantee/split.ts";
import { seededRandom } from "../routing/statistics/seeded-random.ts";
import { allTried, leading, nextTried, triedOf } from "./choose-candidate.ts";
import type { Candidate, DrawOutcome, DrawRecord, Task } from "./task.ts";
import { newTask } from "./task-view.ts";

const FAST: Candidate = { model: "fast", fingerprint: "sf1_fast", weights: null };
const GOOD: Candidate = { model: "good", fingerprint: "sf1_good", weights: null };

const outcome = (candidate: Candidate, fine: boolean): DrawOutcome => ({
  candidate: candidate.model,
  fingerprint: candidate.fingerprint,
  basis: "whole",
  answer: { kind: "scored", score: 1, basis: "whole" },
  label: fine ? "fine" : "wrong",
  by: "text",
  findings: [],
  latencyMs: 1,
  slmTokens: null,
  referenceTokens: null,
});

const keyOn = (side: string): string => {
  for (let at = 0; ; at++) if (sideOf(`k${at}`) === side) return `k${at}`;
};
const TRAIN = keyOn("train");

function drawn(candidate: Candidate, fine: boolean, at: number, splitKey = TRAIN): DrawRecord {
  return {
    callId: `call_${at}`,
    taskId: "t",
    kind: "shadow",
    lotteryId: "l",
    share: 1,
    splitKey,
    at,
    outcome: outcome(candidate, fine),
  };
}

const inShadow = (more: Partial<Task> = {}): Task => ({
  ...newTask("t", 0),
  stage: { mode: "shadow", share: 0 },
  candidate: FAST,
  candidates: [FAST, GOOD],
  ...more,
});

describe("candidates", () => {
  it("are judged by training calls alone", () => {
    const draws = [
      drawn(FAST, true, 1),
      drawn(FAST, true, 2, keyOn("calibration")),
      drawn(FAST, true, 3, keyOn("test")),
      drawn(GOOD, false, 4),
    ];
    expect(triedOf([FAST, GOOD], draws)).toEqual([
      { candidate: FAST, good: 1, bad: 0 },
      { candidate: GOOD, good: 0, bad: 1 },
    ]);
  });

  it("lead by what they did, and before that by their order", () => {
    expect(leading([])).toBeNull();
    expect(leading(triedOf([FAST, GOOD], []))).toBe(FAST);
    const draws = [drawn(FAST, false, 1), drawn(GOOD, true, 2)];
    expect(leading(triedOf([FAST, GOOD], draws))).toBe(GOOD);
  });

  it("all get their chance before a window opens for one", () => {
    const five = Array.from({ length: 5 }, (_, at) => drawn(FAST, true, at));
    expect(allTried(triedOf([FAST], []))).toBe(true);
    expect(allTried(triedOf([FAST, GOOD], five))).toBe(false);
    const both = [...five, ...five.map((_, at) => drawn(GOOD, false, 10 + at))];
    expect(allTried(triedOf([FAST, GOOD], both))).toBe(true);
  });

  it("are tried as often as they may yet be the best: the better one gets most of the calls", () => {
    const random = seededRandom(5);
    const draws: DrawRecord[] = [];
    for (let at = 0; at < 150; at++) {
      const tried = nextTried({ task: inShadow(), draws, random }) ?? FAST;
      draws.push(drawn(tried, random() < (tried === GOOD ? 0.95 : 0.5), at));
    }
    const [fast, good] = triedOf([FAST, GOOD], draws).map(({ good: right, bad }) => right + bad);
    expect(fast).toBeGreaterThan(0);
    expect(good).toBeGreaterThan(100);
  });

  it.each([
    ["a window is open", { window: { candidate: "fast" } as Task["window"] }],
    ["something is certified", { certification: { threshold: 1 } as Task["certification"] }],
    ["it answers", { stage: { mode: "canary", share: 0.05 } as const }],
    ["there is no other", { candidates: [FAST] }],
  ])("are not changed where %s", (_what, more) => {
    const draws = Array.from({ length: 50 }, (_, at) => drawn(GOOD, true, at));
    for (let at = 0; at < 20; at++)
      expect(nextTried({ task: inShadow(more), draws, random: Math.random })).toBe(FAST);
  });
});
