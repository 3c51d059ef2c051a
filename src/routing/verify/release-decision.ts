import { type ScoreBasis, scoreBasis } from "../guarantee/drawn-outcome.ts";
import type { Asked, SlmAnswer } from "./answer.ts";
import { type Verdict, verify } from "./verdict.ts";

/** What decides whether an answer may go to a client, but for how sure it is. */
export interface ReleaseDecision {
  verdict: Verdict;
  /** How much of the answer is known when it is released. */
  basis: ScoreBasis;
  /** A threshold alone decides: it passed every check, and is known whole before its first byte goes out. */
  releasable: boolean;
}

/** Free text that stops at the caller's own limit is what the caller asked for. */
function asOwed(asked: Asked, limited: boolean, answer: SlmAnswer): SlmAnswer {
  const owesMore = asked.format !== null || answer.calls.length > 0;
  return limited && !owesMore && answer.finish === "cut" ? { ...answer, finish: "complete" } : answer;
}

/**
 * The one rule by which answers are served and by which those in the shadow count: what a certificate says holds only
 * where both are the same. Streamed prose would be released by its beginning, which is held against no threshold.
 */
export function releaseDecision(options: {
  asked: Asked;
  /** The request says how long the answer may be. */
  limited: boolean;
  /** The client takes the answer as a stream. */
  streamed: boolean;
  answer: SlmAnswer;
}): ReleaseDecision {
  const { asked, limited, streamed, answer } = options;
  const verdict = verify(asked, asOwed(asked, limited, answer));
  const basis = scoreBasis({ streamed, structured: asked.format !== null || answer.calls.length > 0 });
  return { verdict, basis, releasable: verdict.valid && basis === "whole" };
}
