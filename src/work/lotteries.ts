import { auditShare } from "../routing/guarantee/audit-share.ts";
import type { Lottery } from "../routing/guarantee/lottery.ts";
import { shadowShare } from "../routing/quality/exploration.ts";

/** Every call of a new task is tried, until so many squared were drawn. */
const EAGERNESS = 15;

/** Loss that must be noticed, the rate of false alarms, and within how many calls it is to be found. */
const JUMP = 0.05;
export const ALARM_RATE = 0.001;
const DELAY_CALLS = 5_000;

/** For calls that only training may use; its share stands still while the lottery lives. */
export function explorationLottery(options: { drawn: number; newId: () => string }): Lottery {
  const { drawn, newId } = options;
  return { id: newId(), seed: newId(), share: shadowShare({ drawn, eagerness: EAGERNESS, window: null }) };
}

/** For the audits of calls that a small model is asked for: the fewer of the task's calls those are, the more of them. */
export function auditLottery(options: { epsilon: number; served: number; newId: () => string }): Lottery {
  const { epsilon, served, newId } = options;
  const { share } = auditShare({ epsilon, jump: JUMP, alarmRate: ALARM_RATE, delayCalls: DELAY_CALLS });
  return { id: newId(), seed: newId(), share: Math.min(1, share / served) };
}
