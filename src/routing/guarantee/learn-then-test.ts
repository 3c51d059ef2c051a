import { binomialAtMost } from "../statistics/binomial.ts";
import { betsAgainst } from "./betting.ts";
import type { CalibrationSet } from "./calibration-set.ts";
import { type CertificationWindow, deltaOfAttempt, type Family } from "./certification-window.ts";
import { type DrawnOutcome, lossAt, released } from "./drawn-outcome.ts";

/** One threshold's test, for the record. */
export interface ThresholdTest {
  threshold: number;
  /** Losses among the draws at this threshold, and answers that it would have released. */
  losses: number;
  released: number;
  /**
   * The p-value: the binomial tail, or one over the wealth at its rejection (else over the most that it ever was). The
   * hypothesis that the loss is above ε is rejected at or below the window's δ.
   */
  p: number;
  rejected: boolean;
}

/** What an attempt came to; plain data, kept with the promotion. */
export interface Certification {
  windowId: string;
  attempt: number;
  epsilon: number;
  /** What this attempt may be wrong with: δ of the family, divided as `deltaOfAttempt` says. */
  delta: number;
  /** Draws that were counted; `missing` of them counted as losses because nothing was known. */
  n: number;
  missing: number;
  /** The laxest threshold whose loss is certified to be at most ε; null when not even the strictest is. */
  threshold: number | null;
  /** Those that were tested, in order; the last one is the first that was not rejected. */
  tests: ThresholdTest[];
}

/**
 * Learn-then-Test with a fixed sequence (A. Angelopoulos, S. Bates, E. Candès, M. Jordan and L. Lei, "Learn then Test",
 * 2021; S. Wiens 2003): the thresholds are tested from strict to lax, each at the attempt's whole δ, and testing stops
 * at the first that is not rejected. A wrong certificate needs the first threshold whose loss is above ε to be
 * rejected, which happens with a probability of at most δ.
 *
 * A binomial window's set is the same set however often this is asked. A betting window may be asked after every label:
 * what was rejected once stays rejected.
 * @throws RangeError when the set is another window's, or the window's δ is not what its attempt may spend.
 */
export function certify(options: {
  family: Family;
  window: CertificationWindow;
  set: CalibrationSet;
}): Certification {
  const { family, window, set } = options;
  if (set.windowId !== window.id)
    throw new RangeError(`the calibration set is of window ${set.windowId}, not of ${window.id}`);
  const { attempt, delta, epsilon } = window;
  if (attempt > family.attempts || delta > deltaOfAttempt({ delta: family.delta, attempt }))
    throw new RangeError(`attempt ${attempt} of task ${window.taskId} may not spend ${delta}`);
  const tests: ThresholdTest[] = [];
  let threshold: number | null = null;
  for (const next of window.thresholds) {
    const test = testThreshold({ window, outcomes: set.outcomes, threshold: next });
    tests.push(test);
    if (!test.rejected) break;
    threshold = next;
  }
  return {
    windowId: window.id,
    attempt,
    epsilon,
    delta,
    n: set.outcomes.length,
    missing: set.missing,
    threshold,
    tests,
  };
}

type Outcomes = readonly Pick<DrawnOutcome, "answer" | "label">[];

function testThreshold(options: {
  window: CertificationWindow;
  outcomes: Outcomes;
  threshold: number;
}): ThresholdTest {
  const { window, outcomes, threshold } = options;
  const losses = outcomes.reduce((sum, outcome) => sum + lossAt(outcome, threshold), 0);
  const p =
    window.method.kind === "binomial"
      ? binomialAtMost({ k: losses, n: outcomes.length, p: window.epsilon })
      : bettingP({ outcomes, threshold, window });
  return {
    threshold,
    losses,
    released: outcomes.filter((outcome) => released(outcome, threshold)).length,
    p,
    rejected: p <= window.delta,
  };
}

/** One over the wealth at its rejection, else over the most that it ever was: valid at every look. */
function bettingP(options: { outcomes: Outcomes; threshold: number; window: CertificationWindow }): number {
  const { outcomes, threshold, window } = options;
  const enough = -Math.log(window.delta);
  const wealth = betsAgainst(window.epsilon);
  let losses = 0;
  let most = 0;
  for (const [at, outcome] of outcomes.entries()) {
    losses += lossAt(outcome, threshold);
    most = Math.max(most, wealth({ losses, n: at + 1 }));
    if (most >= enough) break;
  }
  return Math.exp(-most);
}
