import type { Lottery } from "../routing/guarantee/lottery.ts";
import type { Serving } from "../routing/task-serving.ts";
import type { Task } from "./task.ts";

/** What an isolate must know of a task to route its calls and to draw among them. */
export interface TaskView {
  id: string;
  /** Null while none of its calls are looked at. */
  lottery: Lottery | null;
  /** The small model that answers, and how: null while the reference answers all of its calls. */
  serving: Serving | null;
}

export function viewOf(task: Task): TaskView {
  const { id, lottery, stage, candidate, certification } = task;
  const threshold = certification?.threshold ?? null;
  const serves = (stage.mode === "canary" || stage.mode === "promoted") && candidate !== null;
  return {
    id,
    lottery,
    serving:
      serves && threshold !== null
        ? { model: candidate.model, fingerprint: candidate.fingerprint, share: stage.share, threshold }
        : null,
  };
}

export function newTask(id: string, at: number): Task {
  return {
    id,
    name: id,
    stage: { mode: "observe", share: 0 },
    stageSince: at,
    excluded: false,
    human: false,
    approved: false,
    firstSeenAt: at,
    lastSeenAt: at,
    calls: 0,
    lottery: null,
    candidate: null,
    attempts: 0,
    window: null,
    certification: null,
    detector: null,
    audits: 0,
  };
}

/** What is known of two tasks that are one from now on, but for their evidence. `to` gives its name, its stage and its settings. */
export function joined(from: Task, to: Task): Task {
  return {
    ...to,
    calls: from.calls + to.calls,
    firstSeenAt: Math.min(from.firstSeenAt, to.firstSeenAt),
    lastSeenAt: Math.max(from.lastSeenAt, to.lastSeenAt),
    excluded: from.excluded || to.excluded,
    attempts: from.attempts + to.attempts,
  };
}

/** A task under the name that people gave it, else the one that was found for it. */
export function named(task: Task, found: ReadonlyMap<string, string>): Task {
  return task.name === task.id ? { ...task, name: found.get(task.id) ?? task.id } : task;
}
