import { nextTry, type RetryPolicy } from "../routing/retry.ts";
import { orAborted } from "./attempt-clock.ts";
import type { AttemptFailed } from "./attempt-failed.ts";

/**
 * Waits until a backend is to be tried again; false when it is not to be.
 *
 * @throws the reason of `left` when the client leaves meanwhile.
 */
export async function waitForRetry(options: {
  failed: AttemptFailed;
  /** Tries at this backend so far. */
  tries: number;
  policy: RetryPolicy;
  random: () => number;
  now: number;
  /** When the whole call must have ended, milliseconds since the epoch. */
  endsAt: number;
  /** The client's own signal. */
  left: AbortSignal;
}): Promise<boolean> {
  const { failed, left, ...rest } = options;
  const wait = nextTry({ ...rest, error: failed.error, status: failed.status });
  if (wait === null) return false;
  await orAborted(scheduler.wait(wait), left);
  return true;
}
