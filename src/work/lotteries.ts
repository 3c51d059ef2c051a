import { auditShare } from "../routing/guarantee/audit-share.ts";
import type { Lottery } from "../routing/guarantee/lottery.ts";
import type { Task } from "./task-store.ts";

/** clip(c/√n, 1 %, 100 %): many of a new task's calls are tried, few of an old one's. */
const SCALE = 15;
const LEAST = 0.01;

/** Loss that must be noticed, the rate of false alarms, and within how many calls it is to be found. */
const JUMP = 0.05;
const ALARM_RATE = 0.01;
const DELAY_CALLS = 5_000;

/** For calls that only training may use; its share stands still while the lottery lives. */
export function explorationLottery({ calls }: Task, newId: () => string): Lottery {
  const share = Math.min(1, Math.max(LEAST, SCALE / Math.sqrt(Math.max(1, calls))));
  return { id: newId(), seed: newId(), share };
}

/** For the audits of what a small model answers. */
export function auditLottery(_task: Task, epsilon: number, newId: () => string): Lottery {
  const { share } = auditShare({ epsilon, jump: JUMP, alarmRate: ALARM_RATE, delayCalls: DELAY_CALLS });
  return { id: newId(), seed: newId(), share };
}
