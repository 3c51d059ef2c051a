import type { Standing } from "../conversion/modes.ts";
import { type WorseShare, worseShare } from "../conversion/worse-share.ts";
import { sideOf } from "../routing/guarantee/split.ts";
import type { Candidate, DrawOutcome, DrawRecord, Task } from "./task.ts";

function p95(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? null;
}

/** An answer that never came is worse than one that did, in every way. */
function invalidShare(tests: readonly DrawOutcome[], delta: number): WorseShare {
  const both = tests.filter(({ form, answer }) => form !== undefined || answer.kind === "missing");
  const worse = both.filter(({ form }) => form === undefined || (!form.valid && form.referenceValid)).length;
  return worseShare({ worse, n: both.length, delta });
}

function overCallingShare(tests: readonly DrawOutcome[], delta: number): WorseShare | null {
  const asked = tests.flatMap(({ form }) => form?.overCalled ?? []);
  if (asked.length === 0) return null;
  return worseShare({ worse: asked.filter(Boolean).length, n: asked.length, delta });
}

/**
 * Everything about a task that its next move goes by. `served`: what serves now; null for nothing. `delta`: what the
 * intervals of its conditions may be wrong with.
 */
export function standingOf(options: {
  task: Task;
  draws: readonly DrawRecord[];
  served: Candidate | null;
  delta: number;
}): Standing {
  const { task, draws, served, delta } = options;
  const own = draws.filter(({ outcome }) => outcome?.fingerprint === task.candidate?.fingerprint);
  const tests = own.flatMap(({ kind, splitKey, outcome }) =>
    outcome !== null && kind === "shadow" && sideOf(splitKey) === "test" ? [outcome] : [],
  );
  return {
    stage: task.stage,
    excluded: task.excluded,
    human: task.human,
    calls: task.calls,
    candidate: served !== null,
    changed: served !== null && served.fingerprint !== task.candidate?.fingerprint,
    certified: task.certification !== null && task.certification.threshold !== null,
    tests: tests.length,
    invalid: invalidShare(tests, delta),
    overCalling: overCallingShare(tests, delta),
    p95Ms: p95(own.flatMap(({ outcome }) => outcome?.latencyMs ?? [])),
    approved: task.approved,
    audits: task.audits,
    alarmed: task.detector?.alarmed ?? false,
  };
}
