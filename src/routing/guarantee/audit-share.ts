import { divergence } from "../statistics/binomial.ts";

/** Never less: an audit that hardly happens notices nothing. */
const LEAST_SHARE = 0.001;

/**
 * Within how many audits a jump of the loss from ε to ε + jump is found, at the median: 2·ln(1/α)/KL (the delay of the
 * likelihood ratio is ln(1/α)/KL, G. Lorden 1971; twice that allows for a jump of unknown size).
 */
export function auditsUntilFound(options: { epsilon: number; jump: number; alarmRate: number }): number {
  const { epsilon, jump, alarmRate } = options;
  if (!(jump > 0 && epsilon + jump < 1))
    throw new RangeError(`a jump is above 0 and ends below 1, not ${epsilon} + ${jump}`);
  return Math.ceil((2 * Math.log(1 / alarmRate)) / divergence(epsilon + jump, epsilon));
}

/**
 * The share of calls to audit so that such a jump is found within `delayCalls` calls of the task, and the delay in calls
 * that this share gives: shorter than asked for when the least share is more than needed, longer when even auditing
 * every call takes longer.
 */
export function auditShare(options: {
  epsilon: number;
  jump: number;
  alarmRate: number;
  /** The delay that the operator accepts, in calls of the task. */
  delayCalls: number;
}): { share: number; audits: number; delayCalls: number } {
  const audits = auditsUntilFound(options);
  const share = Math.min(1, Math.max(LEAST_SHARE, audits / options.delayCalls));
  return { share, audits, delayCalls: Math.ceil(audits / share) };
}
