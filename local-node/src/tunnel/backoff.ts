/** The shortest and longest ceiling of the wait between two attempts, in ms. */
export const BACKOFF = { firstMs: 250, lastMs: 30_000 } as const;

/**
 * Exponential backoff with full jitter: anything between 0 and a ceiling that doubles with each failure, so that
 * nodes cut off together do not come back together.
 *
 * @param failures failed attempts so far, 1 or more
 * @param random uniform in [0, 1)
 */
export function backoffMs(failures: number, random: () => number): number {
  const ceiling = Math.min(BACKOFF.lastMs, BACKOFF.firstMs * 2 ** (Math.max(1, failures) - 1));
  return Math.floor(random() * ceiling);
}
