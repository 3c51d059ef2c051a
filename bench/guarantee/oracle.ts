/*
 * What the product must come to, computed without any of its code: sums over all outcomes instead of distribution
 * functions, bets played one after another instead of closed forms.
 */

/** P(X ≤ k) for X ~ Binomial(n, p), term by term. */
export function slowBinomial(k: number, n: number, p: number): number {
  let term = (1 - p) ** n;
  let sum = term;
  for (let i = 0; i < k; i++) {
    term *= ((n - i) / (i + 1)) * (p / (1 - p));
    sum += term;
  }
  return sum;
}

/** The most losses with which a binomial test of n draws certifies ε at δ; -1 where not even none suffices. */
export function mostLosses(options: { n: number; epsilon: number; delta: number }): number {
  let k = -1;
  while (slowBinomial(k + 1, options.n, options.epsilon) <= options.delta) k += 1;
  return k;
}

/** The exact probability that a binomial test of n draws certifies ε at δ where the loss is `loss`. */
export function binomialCertifies(options: {
  n: number;
  epsilon: number;
  delta: number;
  loss: number;
}): number {
  const k = mostLosses(options);
  return k < 0 ? 0 : slowBinomial(k, options.n, options.loss);
}

const BACKED: readonly number[] = [0, 1 / 16, 1 / 8, 1 / 4, 1 / 2];

/**
 * The exact probability that equal stakes, each bet on a constant loss of a part of ε, together ever reach 1/δ within n
 * labels, over all paths: the recursion over the number of losses.
 */
export function bettingCertifies(options: {
  n: number;
  epsilon: number;
  delta: number;
  loss: number;
}): number {
  const { n, epsilon, delta, loss } = options;
  let going: { mass: number; stakes: number[] }[] = [
    { mass: 1, stakes: BACKED.map(() => 1 / BACKED.length) },
  ];
  let reached = 0;
  for (let at = 1; at <= n; at++) {
    const next: typeof going = [];
    for (let losses = 0; losses <= at; losses++) {
      const well = going[losses];
      const ill = going[losses - 1];
      const from = well ?? ill;
      if (from === undefined) continue;
      const x = well === undefined ? 1 : 0;
      const stakes = from.stakes.map((stake, which) => {
        const q = (BACKED[which] ?? 0) * epsilon;
        const bet = (epsilon - q) / (epsilon * (1 - epsilon));
        return stake * (1 + bet * (epsilon - x));
      });
      let mass = (well?.mass ?? 0) * (1 - loss) + (ill?.mass ?? 0) * loss;
      if (stakes.reduce((sum, stake) => sum + stake, 0) >= 1 / delta) {
        reached += mass;
        mass = 0;
      }
      next[losses] = { mass, stakes };
    }
    going = next;
  }
  return reached;
}
