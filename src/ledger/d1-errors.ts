/**
 * Errors that come back however often a row is sent (https://www.sqlite.org/rescode.html); every other failure
 * is D1's state (down, overloaded, not migrated) and passes.
 */
const REJECTIONS = /SQLITE_(CONSTRAINT|TOOBIG|MISMATCH|RANGE)|too big|malformed JSON/i;

/** Whether D1 refuses what was sent, rather than being unable to take anything. */
export function isRejection(error: unknown): boolean {
  return error instanceof Error && REJECTIONS.test(error.message);
}

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/** How long to wait after the n-th failure in a row: doubling, at most a minute, half of it at random. */
export function retryDelayMs(options: { failures: number; random: () => number }): number {
  const { failures, random } = options;
  const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10));
  return longest / 2 + (random() * longest) / 2;
}
