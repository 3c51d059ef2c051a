import { betaQuantile, incompleteBeta } from "./incomplete-beta.ts";

/** P(X ≤ k) for X ~ Binomial(n, p), exactly, by its identity with the incomplete beta function (DLMF 8.17.5). */
export function binomialAtMost(options: { k: number; n: number; p: number }): number {
  const { k, n, p } = options;
  if (k < 0) return 0;
  return k >= n ? 1 : incompleteBeta(1 - p, n - k, k + 1);
}

/**
 * The largest rate that k of n does not refute: with probability at least `confidence` the true one is no larger
 * (C. Clopper and E. Pearson 1934, one-sided).
 */
export function rateAtMost(options: { k: number; n: number; confidence: number }): number {
  const { k, n, confidence } = options;
  return k >= n ? 1 : betaQuantile(confidence, k + 1, n - k);
}

/** The smallest rate that k of n does not refute, as `rateAtMost` on the other side. */
export function rateAtLeast(options: { k: number; n: number; confidence: number }): number {
  const { k, n, confidence } = options;
  return k <= 0 ? 0 : betaQuantile(1 - confidence, k, n - k + 1);
}

/** How many draws without a single loss show that the loss is at most `epsilon`: (1 − ε)ⁿ ≤ δ. */
export function drawsWithoutLoss(options: { epsilon: number; delta: number }): number {
  return Math.ceil(Math.log(options.delta) / Math.log1p(-options.epsilon));
}

/** ln(p/q)-divergence of two coins, in nats: KL(Bernoulli(p) ‖ Bernoulli(q)), q in (0, 1). */
export function divergence(p: number, q: number): number {
  const part = (x: number, y: number): number => (x === 0 ? 0 : x * Math.log(x / y));
  return part(p, q) + part(1 - p, 1 - q);
}
