import type { Standing } from "../conversion/modes.ts";
import { type WorseShare, worseShare } from "../conversion/worse-share.ts";
import { firstIdAt } from "../ledger/call-id.ts";
import { sideOf } from "../routing/guarantee/split.ts";
import { overBefore, SETTLED_AFTER_MS } from "./certify-task.ts";
import type { Candidate, DrawOutcome, DrawRecord, Task, Terms } from "./task.ts";

function p95(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? null;
}

/** A draw that never came, or whose answers cannot both be read, is worse in every way; null stands for it. */
type Tested = NonNullable<DrawOutcome["form"]> | null;

function invalidShare(tests: readonly Tested[], delta: number): WorseShare {
  return worseShare({
    worse: tests.map((form) => form === null || (!form.valid && form.referenceValid)),
    delta,
  });
}

function overCallingShare(tests: readonly Tested[], delta: number): WorseShare | null {
  const hasTools = tests.some((form) => form !== null && form.overCalled !== null);
  if (!hasTools) return null;
  const asked = tests.filter((form) => form?.overCalled !== null);
  return worseShare({ worse: asked.map((form) => form?.overCalled ?? true), delta });
}

/**
 * The forms of an attempt's test draws in the order of the calls. The first that is neither settled nor lost ends them, whatever
 * came back after it: quick answers are no random sample.
 */
function testsOf(draws: readonly DrawRecord[], fingerprint: string, settledBefore: string): Tested[] {
  const tests: Tested[] = [];
  const ordered = draws
    .filter(({ splitKey }) => sideOf(splitKey) === "test")
    .sort((a, b) => (a.callId < b.callId ? -1 : 1));
  for (const { callId, outcome } of ordered) {
    if (outcome === null && callId >= settledBefore) break;
    tests.push(outcome?.fingerprint === fingerprint ? (outcome.form ?? null) : null);
  }
  return tests;
}

function isWeaker({ certification, terms }: Task, now: Pick<Terms, "epsilon" | "delta">): boolean {
  if (certification === null) return false;
  return certification.epsilon > now.epsilon || (terms != null && terms.delta > now.delta);
}

/**
 * Everything about a task that its next move goes by. `served`: what serves now; null for nothing. `policy`: what is asked of a
 * certificate now; the conditions are held with what the task's present attempt may be wrong with, on its draws alone.
 */
export function standingOf(options: {
  task: Task;
  draws: readonly DrawRecord[];
  served: Candidate | null;
  policy: Pick<Terms, "epsilon" | "delta">;
  /** The longest that a call may take; milliseconds. */
  longestCallMs: number;
  /** Milliseconds since the epoch. */
  now: number;
}): Standing {
  const { task, served, policy, longestCallMs, now } = options;
  const begunBefore = overBefore(now, longestCallMs);
  const { certification, window, candidate } = task;
  const delta = certification?.delta ?? window?.delta ?? policy.delta;
  const attempt = certification?.windowId ?? window?.id;
  const own = options.draws.filter(
    ({ kind, lotteryId, callId }) => kind === "shadow" && lotteryId === attempt && callId < begunBefore,
  );
  const fingerprint = candidate?.fingerprint ?? "";
  const tests = testsOf(own, fingerprint, firstIdAt(now - SETTLED_AFTER_MS));
  const latencies = own.flatMap(({ outcome }) =>
    outcome?.fingerprint === fingerprint ? (outcome.latencyMs ?? []) : [],
  );
  return {
    stage: task.stage,
    excluded: task.excluded,
    human: task.human,
    calls: task.calls,
    candidate: served !== null,
    changed: served !== null && served.fingerprint !== candidate?.fingerprint,
    weaker: isWeaker(task, policy),
    certified: certification !== null && certification.threshold !== null,
    tests: tests.length,
    invalid: invalidShare(tests, delta),
    overCalling: overCallingShare(tests, delta),
    p95Ms: p95(latencies),
    approved: task.approved,
    audits: task.audits,
    alarmed: task.detector?.alarmed ?? false,
  };
}
