import type { RouteletError } from "../errors.ts";

/** When a call is tried again at a backend that failed. Times in milliseconds. */
export interface RetryPolicy {
  /** Tries beyond the first; 0: none. */
  attempts: number;
  /** The first wait is drawn from 0 up to this; it doubles with each try. */
  baseMs: number;
  /** No drawn wait is longer than this. */
  maxMs: number;
  /** A `Retry-After` that asks for more than this is the client's to wait for. */
  maxRetryAfterMs: number;
}

/**
 * How long to wait before the same backend is tried again, in milliseconds; null when it is not to be. What the backend
 * asks for (`Retry-After`) is the least; full jitter keeps clients that failed together from coming back together (AWS
 * Architecture Blog, "Exponential Backoff and Jitter"). A wait that would end after the call's deadline is none.
 */
export function nextTry(options: {
  error: Pick<RouteletError, "retryable" | "kind" | "retryAfterSeconds">;
  /** Tries at this backend so far, the failed one included. */
  tries: number;
  policy: RetryPolicy;
  /** In [0, 1). */
  random: () => number;
  now: number;
  /** When the whole call must have ended, milliseconds since the epoch. */
  endsAt: number;
}): number | null {
  const { error, tries, policy, now, endsAt } = options;
  // A backend that let one of the clocks run out has had its time.
  if (!error.retryable || error.kind === "deadline" || tries > policy.attempts) return null;
  const asked = (error.retryAfterSeconds ?? 0) * 1000;
  if (asked > policy.maxRetryAfterMs) return null;
  const drawn = options.random() * Math.min(policy.maxMs, policy.baseMs * 2 ** (tries - 1));
  const wait = Math.round(Math.max(asked, drawn));
  return now + wait < endsAt ? wait : null;
}
