import { nextMove, type PromotionPolicy } from "../../src/conversion/modes.ts";
import { newCallId } from "../../src/ledger/call-id.ts";
import { lossAt, released } from "../../src/routing/guarantee/drawn-outcome.ts";
import { draw } from "../../src/routing/guarantee/lottery.ts";
import { isServed } from "../../src/routing/task-serving.ts";
import { lookAtTask } from "../../src/work/certify-task.ts";
import { withAudit } from "../../src/work/draw-labels.ts";
import { movedTask } from "../../src/work/moved-task.ts";
import { standingOf } from "../../src/work/standing.ts";
import type { Candidate, DrawOutcome, DrawRecord, Task } from "../../src/work/task.ts";
import { newTask } from "../../src/work/task-view.ts";

/** What one run over a task's calls came to. */
export interface Run {
  /** The mode at the end, and after how many calls it was promoted; null where it never was. */
  mode: Task["stage"]["mode"];
  promotedAfter: number | null;
  /** What was certified; null for nothing. */
  threshold: number | null;
  /** Of all calls from the first served one on: those that the small model answered, and those of them that were losses. */
  after: { calls: number; served: number; losses: number };
}

export interface RunPolicy extends PromotionPolicy {
  epsilon: number;
  delta: number;
  drawShare: number;
}

/** Between two looks at a task, as many calls as the gateway takes on in one alarm. */
const LOOK_EVERY = 16;
const SECOND = 1_000;

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** The loss over all traffic of a task whose calls are drawn from this pool, and the share that the small model answers. */
export function truth(pool: readonly DrawOutcome[], threshold: number): { loss: number; share: number } {
  return {
    loss: mean(pool.map((outcome) => lossAt(outcome, threshold))),
    share: mean(pool.map((outcome) => (released(outcome, threshold) ? 1 : 0))),
  };
}

/**
 * A task's life over calls that are drawn with replacement from recorded outcomes, in the gateway's own pure code: lotteries,
 * sides, windows, certificate, conditions, audits and moves. The pool's mean is the truth.
 */
export function replay(options: {
  pool: readonly DrawOutcome[];
  calls: number;
  policy: RunPolicy;
  random: () => number;
}): Run {
  const { pool, calls, policy, random } = options;
  const [first] = pool;
  if (first === undefined) throw new RangeError("a pool without an outcome has no truth");
  const serving: Candidate = { model: first.candidate, fingerprint: first.fingerprint, weights: null };
  const newId = (): string => `id ${random()}`;
  const { epsilon, delta, drawShare: share } = policy;
  const terms = { epsilon, delta, share, judge: null, feedbackThreshold: 0.5 };
  let task: Task = { ...newTask("task", 0), candidate: serving, candidates: [serving] };
  const draws: DrawRecord[] = [];
  const after = { calls: 0, served: 0, losses: 0 };
  let promotedAfter: number | null = null;
  for (let number = 1; number <= calls; number++) {
    const at = number * SECOND;
    const callId = newCallId({ now: at, env: {} });
    const splitKey = random().toString(36).slice(2);
    const outcome = pool[Math.floor(random() * pool.length)] ?? first;
    task = { ...task, calls: number };
    const threshold = task.certification?.threshold ?? null;
    const { mode } = task.stage;
    const serves = threshold !== null && (mode === "canary" || mode === "promoted");
    const isAsked = serves && isServed({ model: "", fingerprint: "", ...task.stage, threshold }, splitKey);
    const isGiven = isAsked && released(outcome, threshold);
    if (serves) {
      after.calls += 1;
      after.served += isGiven ? 1 : 0;
      after.losses += isAsked ? lossAt(outcome, threshold) : 0;
    }
    const isCounted = mode === "shadow" || isAsked;
    if (isCounted && task.lottery !== null && draw(task.lottery, { id: callId, splitKey }) !== null) {
      const kind = mode === "shadow" ? "shadow" : "audit";
      const seen: DrawOutcome =
        kind === "shadow" || isGiven ? outcome : { ...outcome, answer: { kind: "rejected" } };
      const { id: lotteryId, share: drawnWith } = task.lottery;
      draws.push({ callId, taskId: "task", kind, lotteryId, share: drawnWith, splitKey, at, outcome: seen });
      if (kind === "audit") task = withAudit(task, seen);
    }
    if (number % LOOK_EVERY !== 0) continue;
    if (task.stage.mode === "shadow")
      task = lookAtTask({ task, draws, policy: terms, longestCallMs: 0, now: at, newId }).task;
    const move = nextMove(
      standingOf({ task, draws, served: serving, policy: terms, longestCallMs: 0, now: at }),
      policy,
    );
    if (!("to" in move)) continue;
    task = movedTask({ task, to: move.to, at, drawn: draws.length, newId });
    if (move.to.mode === "promoted") promotedAfter = number;
  }
  return { mode: task.stage.mode, promotedAfter, threshold: task.certification?.threshold ?? null, after };
}
