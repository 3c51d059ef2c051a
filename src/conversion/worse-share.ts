import { betsAgainst } from "../routing/guarantee/betting.ts";

/** In how many of the calls that both answered the small model alone was worse, and how large that share may truly be. */
export interface WorseShare {
  n: number;
  worse: number;
  /** The upper end of the one-sided confidence sequence. */
  bound: number;
}

/** Halvings of the interval in which the bound is looked for: it is known to a billionth. */
const STEPS = 30;

/**
 * The upper bound, at confidence 1 - δ, of the share of calls in which the small model is worse and the reference is not. It
 * may be looked at after every call: it is the least share against which the bets have ever won 1/δ (`betsAgainst`), so that
 * the chance that it is ever below the true share is at most δ, at all looks together (A fixed-n interval that is asked again
 * and again has no such confidence). It bounds the difference of their rates too, which is this share less that of the calls in
 * which the reference alone is worse: a small model gets no credit for those. Nothing counted bounds nothing.
 *
 * `worse`: call by call, in the order of the calls.
 */
export function worseShare(options: { worse: readonly boolean[]; delta: number }): WorseShare {
  const { worse, delta } = options;
  // Wealth falls at a loss and grows at all else: it is largest before a loss or at the end.
  const peaks: { losses: number; n: number }[] = [];
  let losses = 0;
  for (const [n, isWorse] of worse.entries()) {
    if (!isWorse) continue;
    peaks.push({ losses, n });
    losses += 1;
  }
  peaks.push({ losses, n: worse.length });
  const enough = -Math.log(delta);
  const refuted = (share: number): boolean => {
    const wealth = betsAgainst(share);
    return peaks.some((peak) => wealth(peak) >= enough);
  };
  let [low, high] = [0, 1];
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    if (refuted(middle)) high = middle;
    else low = middle;
  }
  return { n: worse.length, worse: losses, bound: worse.length === 0 ? 1 : high };
}
