import { betaQuantile } from "../routing/statistics/incomplete-beta.ts";

/** In how many of the calls that both answered the small model alone was worse, and how large that share may truly be. */
export interface WorseShare {
  n: number;
  worse: number;
  /** The upper end of the one-sided interval. */
  bound: number;
}

/**
 * The exact upper bound, at confidence 1 − δ, of the share of calls in which the small model is worse and the reference is not
 * (C. Clopper and E. Pearson, Biometrika 1934). It bounds the difference of their rates too, which is this share less that of
 * the calls in which the reference alone is worse: a small model gets no credit for those. Nothing counted bounds nothing.
 */
export function worseShare(options: { worse: number; n: number; delta: number }): WorseShare {
  const { worse, n, delta } = options;
  return { n, worse, bound: worse >= n ? 1 : betaQuantile(1 - delta, worse + 1, n - worse) };
}
