import { RouteletError } from "../errors.ts";
import { settledWithin } from "./settled-within.ts";
import type { StartedAttempt } from "./start-attempt.ts";
import type { ReadyReply } from "./try-backend.ts";

function overtaken(): RouteletError {
  return new RouteletError({
    kind: "cancelled",
    code: "hedge_lost",
    message: "Another backend was asked as well, and answered first.",
  });
}

/**
 * Waits for an attempt's first content, and asks the next backend as well when it takes too long: the first of both that
 * has something to release answers, the other is cancelled. Fails as the later of both when neither has (J. Dean and
 * L. Barroso, "The Tail at Scale", hedged requests).
 */
export async function hedged(options: {
  first: StartedAttempt;
  /** Milliseconds; 0 switches hedging off. */
  afterMs: number;
  /** Starts the next attempt of the plan; null when there is none. */
  next: () => StartedAttempt | null;
}): Promise<ReadyReply> {
  const { first, afterMs } = options;
  if (afterMs === 0 || (await settledWithin(first.ready, afterMs))) return first.ready;
  const second = options.next();
  if (second === null) return first.ready;
  const beats = (winner: StartedAttempt, loser: StartedAttempt) =>
    winner.ready.then((ready) => {
      loser.giveUp(overtaken());
      return ready;
    });
  try {
    return await Promise.any([beats(first, second), beats(second, first)]);
  } catch (failed) {
    throw failed instanceof AggregateError ? failed.errors.at(-1) : failed;
  }
}
