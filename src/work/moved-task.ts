import type { Stage } from "../conversion/modes.ts";
import { startDetector } from "../routing/guarantee/drift-detector.ts";
import { ALARM_RATE, auditLottery, explorationLottery } from "./lotteries.ts";
import type { Task } from "./task.ts";

/** A task in the stage that it moves to: with the lottery of that stage, watched from its first served call on. */
export function movedTask(options: {
  task: Task;
  to: Stage;
  /** Milliseconds since the epoch. */
  at: number;
  /** Its draws so far. */
  drawn: number;
  newId: () => string;
}): Task {
  const { task, to, at, drawn, newId } = options;
  const base = { ...task, stage: to, stageSince: at, audits: 0 };
  if (to.mode !== "canary" && to.mode !== "promoted") {
    const lottery = to.mode === "shadow" ? explorationLottery({ drawn, newId }) : null;
    const none = { window: null, terms: null, certification: null, detector: null, watchedFrom: null };
    return { ...base, ...none, approved: false, lottery };
  }
  const { certification, detector, watchedFrom } = task;
  const epsilon = certification?.epsilon ?? 0.05;
  const isWatched = detector !== null || certification === null;
  return {
    ...base,
    detector: isWatched ? detector : startDetector({ epsilon, alarmRate: ALARM_RATE }),
    watchedFrom: isWatched ? (watchedFrom ?? null) : at,
    lottery: auditLottery({ epsilon, served: to.share, newId }),
  };
}
