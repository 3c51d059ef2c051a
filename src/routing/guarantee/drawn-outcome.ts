import type { Fingerprint } from "./fingerprint.ts";

/** How much of an answer is known when it must be released or escalated. */
export type ScoreBasis = "prefix" | "whole";

/** Streamed text is released after its first tokens; tool calls, JSON and replies in one piece are held whole. */
export function scoreBasis(reply: { streamed: boolean; structured: boolean }): ScoreBasis {
  return reply.streamed && !reply.structured ? "prefix" : "whole";
}

/** What the SLM gave on a drawn call. */
export type Answer =
  /** The calibrated confidence of what was known at the release decision. */
  | { kind: "scored"; score: number; basis: ScoreBasis }
  /** A hard check refused it: no threshold would release it. */
  | { kind: "rejected" }
  /** It timed out, or nothing came: what it would have been is unknown. */
  | { kind: "missing" };

/**
 * `wrong`: the SLM's answer is wrong where the reference's is right. `fine`: anything else that was judged. `missing`:
 * nobody could say (the judge abstained, the reference failed, time ran out).
 */
export type Label = "wrong" | "fine" | "missing";

/** All that is known of a drawn call when it is settled. */
export interface DrawnOutcome {
  fingerprint: Fingerprint;
  /** What the release decision of this call goes by. */
  basis: ScoreBasis;
  answer: Answer;
  label: Label;
}

/** A draw of which nothing came back in time. */
export const NOTHING = { answer: { kind: "missing" }, label: "missing" } as const;

/**
 * The loss of one call, over all traffic of the task and not only over what is served: 1 if the SLM's answer would be
 * released at this threshold and is wrong where the reference is right. What is not known counts as a loss: an answer
 * that never came at every threshold, a label that never came wherever the answer would have been released.
 */
export function lossAt(outcome: Pick<DrawnOutcome, "answer" | "label">, threshold: number): 0 | 1 {
  const { answer, label } = outcome;
  if (answer.kind === "missing") return 1;
  return released(outcome, threshold) && label !== "fine" ? 1 : 0;
}

/** Whether the SLM's answer goes to the client at this threshold. */
export function released({ answer }: Pick<DrawnOutcome, "answer">, threshold: number): boolean {
  return answer.kind === "scored" && answer.score >= threshold;
}
