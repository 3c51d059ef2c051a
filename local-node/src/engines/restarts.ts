const RESTART = { firstMs: 500, maxMs: 30_000, steadyAfterMs: 60_000 };
/** So many ends in a row, each within this time of its start, are no accident: the model is not started again. */
const CRASHES = { most: 3, countedWithinMs: 10 * 60_000 };

/** Milliseconds to wait before the n-th start in a row (from 0), doubled each time, with jitter. */
export function restartDelayMs(attempt: number, random: number): number {
  return Math.min(RESTART.maxMs, RESTART.firstMs * 2 ** attempt) * (0.5 + random / 2);
}

/** When a process that ended is started again, and when no longer. */
export interface Restarts {
  /** It is ready. */
  ready(): void;
  /** Whether it has ever been ready. */
  wasReady(): boolean;
  /**
   * It ended: milliseconds until the next start, which grow unless it ran for a minute; null where it ended too often to
   * be started again.
   *
   * @param isCrash false where it was refused a start, for want of memory for example, which may go another time
   */
  delayAfterEnd(isCrash: boolean): number | null;
  /** What is said when it is not started again. */
  retirement(end: string): string;
}

export function createRestarts(options: { random: () => number; now: () => number }): Restarts {
  let attempt = 0;
  let crashes = 0;
  let readyAt: number | null = null;
  const ranFor = (): number => (readyAt === null ? 0 : options.now() - readyAt);
  return {
    ready() {
      readyAt = options.now();
    },
    wasReady: () => readyAt !== null,
    delayAfterEnd(isCrash) {
      if (isCrash) crashes = ranFor() > CRASHES.countedWithinMs ? 1 : crashes + 1;
      if (crashes >= CRASHES.most) return null;
      if (ranFor() > RESTART.steadyAfterMs) attempt = 0;
      return restartDelayMs(attempt++, options.random());
    },
    retirement: (end) =>
      `The model's process ended ${crashes} times in a row (${end}): the model is out of service until the node starts again.`,
  };
}
