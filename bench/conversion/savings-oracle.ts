/** What of a recorded call the money hangs on; as `GET /api/calls` gives it. */
export interface LedgerCall {
  key_id: string;
  started_at: string;
  ended_at: string | null;
  task: string | null;
  requested_model: string;
  outcome: string;
  served_by: string | null;
  usage: { input_tokens: number; cached_input_tokens: number; output_tokens: number } | null;
  cost_usd: number | null;
}

/** What both models counted on a drawn call; as `GET /api/tasks/{id}` gives it. */
export interface LedgerDraw {
  call_id: string;
  slm_tokens: { input: number; output: number } | null;
  reference_tokens: { input: number; cached: number; output: number } | null;
  audit_usd: number | null;
  judge_usd: number | null;
}

/** US dollars for a million tokens. */
export interface Price {
  input: number;
  cached: number;
  output: number;
}

interface Interval {
  value: number;
  low: number;
  high: number;
}

export interface TaskMoney {
  calls: number;
  slmCalls: number;
  spent: number;
  node: number;
  /** Null where fewer than 30 pairs say too little. */
  reference: Interval | null;
}

const NEWEST = 500;
const LEAST = 30;
/** Half of what lies outside a 90 % interval lies above it. */
const NORMAL_95 = 1.644_853_626_951_472_6;

/** The ratio of sums and its 90 % interval, by the variance of the residuals (Cochran, 6.4). */
function ratioOf(x: readonly number[], y: readonly number[]): Interval {
  const n = x.length;
  let sumX = 0;
  let sumY = 0;
  for (let at = 0; at < n; at++) {
    sumX += x[at] ?? 0;
    sumY += y[at] ?? 0;
  }
  if (sumX === 0) return { value: 0, low: 0, high: 0 };
  const r = sumY / sumX;
  let residuals = 0;
  for (let at = 0; at < n; at++) residuals += ((y[at] ?? 0) - r * (x[at] ?? 0)) ** 2;
  const error = Math.sqrt(residuals / (n - 1) / n) / (sumX / n);
  return { value: r, low: Math.max(0, r - NORMAL_95 * error), high: r + NORMAL_95 * error };
}

/**
 * A task's money, from its raw calls and draws alone; shares no code with the product. What the reference would have cost
 * is the small model's tokens times the ratio of both on drawn pairs, rounded to whole tokens as a provider counts them.
 */
export function moneyOf(options: {
  calls: readonly LedgerCall[];
  draws: readonly LedgerDraw[];
  price: Price;
  nodeUsdPerMillion: number;
}): TaskMoney {
  const { calls, draws, price, nodeUsdPerMillion } = options;
  let slmCalls = 0;
  let spent = 0;
  let input = 0;
  let output = 0;
  for (const call of calls) {
    spent += call.cost_usd ?? 0;
    if (!call.served_by?.startsWith("slm/")) continue;
    slmCalls += 1;
    input += call.usage?.input_tokens ?? 0;
    output += call.usage?.output_tokens ?? 0;
  }
  const both = [...draws]
    .sort((a, b) => (a.call_id < b.call_id ? -1 : 1))
    .filter((draw) => draw.slm_tokens !== null && draw.reference_tokens !== null)
    .slice(-NEWEST);
  const node = ((input + output) * nodeUsdPerMillion) / 1e6;
  const common = { calls: calls.length, slmCalls, spent, node };
  if (slmCalls === 0) return { ...common, reference: { value: 0, low: 0, high: 0 } };
  if (both.length < LEAST) return { ...common, reference: null };
  const column = (of: (draw: LedgerDraw) => number | undefined): number[] =>
    both.map((draw) => of(draw) ?? 0);
  const asked = column((draw) => draw.reference_tokens?.input);
  const inRatio = ratioOf(
    column((draw) => draw.slm_tokens?.input),
    asked,
  );
  const outRatio = ratioOf(
    column((draw) => draw.slm_tokens?.output),
    column((draw) => draw.reference_tokens?.output),
  );
  const sum = (values: readonly number[]): number => values.reduce((so, value) => so + value, 0);
  const cachedShare =
    sum(asked) === 0 ? 0 : sum(column((draw) => draw.reference_tokens?.cached)) / sum(asked);
  const cost = (end: keyof Interval): number => {
    const inTokens = Math.round(input * inRatio[end]);
    const cached = Math.min(inTokens, Math.round(inTokens * cachedShare));
    const outTokens = Math.round(output * outRatio[end]);
    return ((inTokens - cached) * price.input + cached * price.cached + outTokens * price.output) / 1e6;
  };
  return { ...common, reference: { value: cost("value"), low: cost("low"), high: cost("high") } };
}

/** What audits and judges took. */
export const behindUsd = (draws: readonly LedgerDraw[]): { audits: number; judges: number } => ({
  audits: draws.reduce((so, { audit_usd }) => so + (audit_usd ?? 0), 0),
  judges: draws.reduce((so, { judge_usd }) => so + (judge_usd ?? 0), 0),
});
