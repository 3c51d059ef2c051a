import { lossAt } from "../routing/guarantee/drawn-outcome.ts";
import { afterAudit, startDetector } from "../routing/guarantee/drift-detector.ts";
import type { DrawOutcome, DrawRecord, HistoryEntry, Task } from "./task.ts";

const thresholdOf = ({ certification }: Task): number => certification?.threshold ?? Number.POSITIVE_INFINITY;

/** The task after one more audited call. */
export function withAudit(task: Task, outcome: DrawOutcome): Task {
  const { detector } = task;
  if (detector === null) return task;
  const loss = lossAt(outcome, thresholdOf(task));
  const audits = task.audits + (outcome.silent === true ? 0 : 1);
  return { ...task, audits, detector: afterAudit(detector, loss) };
}

const isWatched = ({ kind, at, outcome }: DrawRecord, from: number): boolean =>
  kind === "audit" && outcome !== null && at >= from;

/**
 * The task with its detector as it would be had every audit had its present label from the start; what it has once alarmed
 * about stands.
 */
export function rewatched(task: Task, draws: readonly DrawRecord[]): Task {
  const { detector, watchedFrom } = task;
  if (detector === null || watchedFrom == null) return task;
  const { epsilon, alarmRate, alarmed } = detector;
  let again = startDetector({ epsilon, alarmRate });
  for (const draw of draws)
    if (draw.outcome !== null && isWatched(draw, watchedFrom))
      again = afterAudit(again, lossAt(draw.outcome, thresholdOf(task)));
  return { ...task, detector: { ...again, alarmed: alarmed || again.alarmed } };
}

/**
 * Whether a draw's label stands for good: the window that holds it was decided, or the watch that it was part of is over.
 * Labels that could still change a decision that was made on them would be a second look at it.
 */
export function isFrozen(options: {
  draw: DrawRecord;
  task: Task;
  history: readonly HistoryEntry[];
}): boolean {
  const { draw, task, history } = options;
  const { detector, watchedFrom } = task;
  if (draw.kind === "audit") return detector === null || watchedFrom == null || draw.at < watchedFrom;
  if (task.window?.lottery.id === draw.lotteryId) return false;
  const decided = [task.certification, ...history.map(({ certification }) => certification)];
  return decided.some((each) => each?.windowId === draw.lotteryId);
}
