/** What the detector watches for: losses this much above ε, a fifth of the stake on each. */
const JUMPS: readonly number[] = [0.01, 0.02, 0.05, 0.1, 0.25];

/** How a task's loss is watched after its promotion. Plain data. */
export interface DriftDetector {
  /** The loss that was certified. */
  epsilon: number;
  /** The stated rate: at most this many false alarms an audit, on average, while the loss is at most ε. */
  alarmRate: number;
  /** Audits since it was started. */
  audits: number;
  /** What has been won on each jump, by bets begun at every audit so far. */
  won: readonly number[];
  /** Whether it has ever passed its threshold: it then stays so, and the task is demoted. */
  alarmed: boolean;
}

/**
 * Starts watching.
 * @throws RangeError for an ε or a rate outside (0, 1).
 */
export function startDetector(options: { epsilon: number; alarmRate: number }): DriftDetector {
  const { epsilon, alarmRate } = options;
  for (const [name, value] of Object.entries({ epsilon, alarmRate }))
    if (!(value > 0 && value < 1)) throw new RangeError(`${name} is above 0 and below 1, not ${value}`);
  return { epsilon, alarmRate, audits: 0, won: JUMPS.map(() => 0), alarmed: false };
}

/**
 * The detector after one more audited call; `loss` as `lossAt` gives it at the certified threshold, 1 where the label is
 * missing.
 *
 * It restarts by itself: at every audit a new bet against "the loss is at most ε" begins, and the sum of what all of
 * them have become is the Shiryaev-Roberts e-detector (J. Shin, A. Ramdas and A. Rinaldo, "E-detectors: a nonparametric
 * framework for sequential change detection", 2024), here a mixture over the size of the jump. While the loss is at
 * most ε the sum less the number of audits is a supermartingale, so that the mean number of audits until a false alarm
 * is at least 1/alarmRate, and the chance of one within N audits at most N·alarmRate. (A single e-process would lose
 * its wealth while all is well and then detect late.)
 */
export function afterAudit(detector: DriftDetector, loss: 0 | 1): DriftDetector {
  const { epsilon, alarmRate } = detector;
  const won = detector.won.map((before, at) => {
    const q = Math.min(epsilon + (JUMPS[at] ?? 0), (1 + epsilon) / 2);
    return (before + 1) * (loss === 1 ? q / epsilon : (1 - q) / (1 - epsilon));
  });
  const mean = won.reduce((sum, each) => sum + each, 0) / won.length;
  return {
    ...detector,
    audits: detector.audits + 1,
    won,
    alarmed: detector.alarmed || mean >= 1 / alarmRate,
  };
}
