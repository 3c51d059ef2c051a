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
  /** The statuses of backends that are worth another try; `5xx` stands for all that begin so. */
  onStatus: readonly (number | "4xx" | "5xx")[];
}

/** Whether a failure may pass: by the backend's status where it gave one, else by what went wrong. */
function mayPass(error: { retryable: boolean }, status: number | null, { onStatus }: RetryPolicy): boolean {
  if (status === null) return error.retryable;
  return onStatus.some((known) => known === status || known === `${Math.floor(status / 100)}xx`);
}

/**
 * How long to wait before the same backend is tried again, in milliseconds; null when it is not to be. What the backend
 * asks for (`Retry-After`) is the least; full jitter keeps clients that failed together from coming back together (AWS
 * Architecture Blog, "Exponential Backoff and Jitter"). A wait that would end after the call's deadline is none.
 */
export function nextTry(options: {
  error: Pick<RouteletError, "retryable" | "kind" | "retryAfterSeconds">;
  /** What the backend answered with; null where it failed in another way: cut off, or with an error inside a 200. */
  status: number | null;
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
  if (!mayPass(error, options.status, policy)) return null;
  if (error.kind === "deadline" || error.kind === "cancelled" || tries > policy.attempts) return null;
  const asked = (error.retryAfterSeconds ?? 0) * 1000;
  if (asked > policy.maxRetryAfterMs) return null;
  const drawn = options.random() * Math.min(policy.maxMs, policy.baseMs * 2 ** (tries - 1));
  const wait = Math.round(Math.max(asked, drawn));
  return now + wait < endsAt ? wait : null;
}
