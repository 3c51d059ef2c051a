/**
 * The losses that the bets are best against, as parts of ε, and how the first stake is divided among them. Bets on 0
 * win fastest where nothing goes wrong and are lost with the first loss; those near 1 win where the loss is close to ε.
 */
const BACKED: readonly number[] = [0, 1 / 16, 1 / 8, 1 / 4, 1 / 2];

/**
 * The bets against H: E[loss] ≥ ε: gives the logarithm of what a stake of 1 has become after `losses` in `n` labels.
 *
 * Each part of the stake is bet on a constant loss q < ε, which multiplies it by 1 + λ(ε − x) with
 * λ = (ε − q)/(ε(1 − ε)); the whole is a bet that depends on the past only (what each part has become). Under H every
 * factor has a mean of at most 1, so that the wealth is a non-negative supermartingale and passes 1/δ at any time at
 * all with a probability of at most δ (J. Ville 1939; I. Waudby-Smith and A. Ramdas, "Estimating means of bounded
 * random variables by betting", JRSS B 2024). For losses of 0 and 1 it depends on the counts alone.
 */
export function betsAgainst(epsilon: number): (labels: { losses: number; n: number }) => number {
  const bets = BACKED.map((part) => ({
    won: Math.log1p(-part * epsilon) - Math.log1p(-epsilon),
    lost: Math.log(part),
  }));
  return ({ losses, n }) => {
    // 0 · -∞ is no number: without a loss nothing was lost.
    const parts = bets.map(({ won, lost }) => (n - losses) * won + (losses === 0 ? 0 : losses * lost));
    const most = Math.max(...parts);
    if (most === Number.NEGATIVE_INFINITY) return most;
    return most + Math.log(parts.reduce((sum, part) => sum + Math.exp(part - most), 0) / parts.length);
  };
}
