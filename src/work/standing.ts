import type { Standing } from "../conversion/modes.ts";
import { sideOf } from "../routing/guarantee/split.ts";
import type { DrawRecord, Task } from "./task-store.ts";

function p95(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? null;
}

/** Everything about a task that its next move goes by. `served`: what serves now; null for nothing. */
export function standingOf(options: {
  task: Task;
  draws: readonly DrawRecord[];
  served: Task["candidate"];
}): Standing {
  const { task, draws, served } = options;
  const settled = draws.flatMap(({ outcome }) =>
    outcome !== null && outcome.fingerprint === task.candidate?.fingerprint ? [outcome] : [],
  );
  return {
    stage: task.stage,
    excluded: task.excluded,
    human: task.human,
    calls: task.calls,
    candidate: served !== null,
    changed: served !== null && served.fingerprint !== task.candidate?.fingerprint,
    certified: task.certification !== null && task.certification.threshold !== null,
    tests: draws.filter(({ outcome, splitKey }) => outcome !== null && sideOf(splitKey) === "test").length,
    p95Ms: p95(settled.flatMap(({ latencyMs }) => latencyMs ?? [])),
    approved: task.approved,
    audits: task.audits,
    alarmed: task.detector?.alarmed ?? false,
  };
}
