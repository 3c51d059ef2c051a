import { agreementInterval } from "../routing/statistics/agreement-interval.ts";

/**
 * What a small model's answer to an item is. `agrees`, `differs`: from what the item holds. `invalid`: not what the call asked
 * for. `unknown`: only a judge could tell. `failed`: the model gave no answer. `unreadable`: the item could not be asked.
 */
export type ItemOutcome = "agrees" | "differs" | "invalid" | "unknown" | "failed" | "unreadable";

/** What has come of an evaluation's items so far; plain data. */
export interface EvaluationTally {
  outcomes: Record<ItemOutcome, number>;
  inputTokens: number;
  outputTokens: number;
  /** Of the newest answers, in milliseconds. */
  latencies: number[];
}

export interface AnsweredItem {
  outcome: ItemOutcome;
  latencyMs: number | null;
  tokens: { input: number; output: number } | null;
}

export interface Share {
  share: number;
  /** Where the true share lies with 90 % confidence. */
  low: number;
  high: number;
}

export interface EvaluationResult {
  items: number;
  outcomes: Record<ItemOutcome, number>;
  /** Of the answers that can be compared, and of the failures; null for none. */
  agreement: Share | null;
  /** Answers that are what the call asked for, of all that the model was asked; null for none. */
  validity: Share | null;
  p50Ms: number | null;
  p95Ms: number | null;
  inputTokens: number;
  outputTokens: number;
}

const MAX_LATENCIES = 2_000;

export const NO_ITEMS: EvaluationTally = {
  outcomes: { agrees: 0, differs: 0, invalid: 0, unknown: 0, failed: 0, unreadable: 0 },
  inputTokens: 0,
  outputTokens: 0,
  latencies: [],
};

export function withItem(tally: EvaluationTally, item: AnsweredItem): EvaluationTally {
  const { outcome, latencyMs, tokens } = item;
  return {
    outcomes: { ...tally.outcomes, [outcome]: tally.outcomes[outcome] + 1 },
    inputTokens: tally.inputTokens + (tokens?.input ?? 0),
    outputTokens: tally.outputTokens + (tokens?.output ?? 0),
    latencies: latencyMs === null ? tally.latencies : [...tally.latencies, latencyMs].slice(-MAX_LATENCIES),
  };
}

export const itemsOf = ({ outcomes }: EvaluationTally): number =>
  Object.values(outcomes).reduce((sum, count) => sum + count, 0);

function shareOf(good: number, of: number): Share | null {
  const interval = agreementInterval({ agreed: good, of });
  return interval === null ? null : { share: good / of, ...interval };
}

/** The value that this share of the values does not exceed (nearest rank). */
function quantile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

/** What an evaluation found: a failure to answer is an answer that was not right; what nobody can compare says nothing. */
export function evaluationResult(tally: EvaluationTally): EvaluationResult {
  const { outcomes, inputTokens, outputTokens } = tally;
  const { agrees, differs, invalid, unknown, failed } = outcomes;
  const latencies = tally.latencies.toSorted((a, b) => a - b);
  return {
    items: itemsOf(tally),
    outcomes,
    agreement: shareOf(agrees, agrees + differs + invalid + failed),
    validity: shareOf(agrees + differs + unknown, agrees + differs + unknown + invalid + failed),
    p50Ms: quantile(latencies, 0.5),
    p95Ms: quantile(latencies, 0.95),
    inputTokens,
    outputTokens,
  };
}
