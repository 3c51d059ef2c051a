/** A call that both models answered: what each of them counted. */
export interface TokenPair {
  slm: { input: number; output: number };
  reference: { input: number; cached: number; output: number };
}

/** What the reference would have counted, for each token that the small model counted; with 90 % intervals. */
export interface TokenRatio {
  pairs: number;
  input: Estimate;
  output: Estimate;
  /** Of the reference's input, the share that its prompt cache had. */
  cachedShare: number;
}

export interface Estimate {
  value: number;
  low: number;
  high: number;
}

/** Fewer pairs say nothing: the page then says "not enough data". */
export const LEAST_PAIRS = 30;
const Z = 1.6448536269514722;

/** Ratio of two sums over a random sample, with its large-sample 90 % interval (W. Cochran, Sampling Techniques, section 6.4). */
function ratio(pairs: readonly { x: number; y: number }[]): Estimate {
  const n = pairs.length;
  const x = pairs.reduce((sum, pair) => sum + pair.x, 0) / n;
  const value = x === 0 ? 0 : pairs.reduce((sum, pair) => sum + pair.y, 0) / n / x;
  const squares = pairs.reduce((sum, pair) => sum + (pair.y - value * pair.x) ** 2, 0) / (n - 1);
  const half = x === 0 ? 0 : (Z * Math.sqrt(squares / n)) / x;
  return { value, low: Math.max(0, value - half), high: value + half };
}

/** Null before `LEAST_PAIRS` pairs. The pairs must be of calls that were drawn at random. */
export function tokenRatio(pairs: readonly TokenPair[]): TokenRatio | null {
  if (pairs.length < LEAST_PAIRS) return null;
  const input = pairs.reduce((sum, { reference }) => sum + reference.input, 0);
  const cached = pairs.reduce((sum, { reference }) => sum + reference.cached, 0);
  return {
    pairs: pairs.length,
    input: ratio(pairs.map(({ slm, reference }) => ({ x: slm.input, y: reference.input }))),
    output: ratio(pairs.map(({ slm, reference }) => ({ x: slm.output, y: reference.output }))),
    cachedShare: input === 0 ? 0 : cached / input,
  };
}
