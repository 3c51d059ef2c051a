import type { Label } from "../routing/guarantee/drawn-outcome.ts";
import type { Said } from "./agreement.ts";

/** What somebody who saw an answer says of it, as far as labels go by it. */
export interface Rating {
  /** Of the answer that was given; null where only a correction was sent. */
  right: boolean | null;
  /** The answer that would have been right. */
  corrected: Said | null;
  /** It is about a whole run, of which the call was a part. */
  ofRun: boolean;
}

/**
 * The label that a rating gives a drawn call, `wrong` being: the small model's answer is wrong where the reference's is
 * right. Null where it changes nothing of what comparing the two said (`matched`).
 *
 * A corrected answer is the truth, and both are held against it. Without one, the rating is of the answer that was given,
 * which is the reference's in the shadow and the small model's in an audit; the other answer is right where it is the same.
 * A run that failed does not say by which of its calls.
 */
export function feedbackLabel(options: {
  rating: Rating;
  /** Whose answer was given. */
  given: "reference" | "candidate";
  matched: Label;
  /** Null where it is not known any more, or never came. */
  reference: Said | null;
  candidate: Said | null;
  /** Whether an answer is what a truth says; null where that cannot be told. */
  agrees: (truth: Said, answer: Said) => boolean | null;
}): Label | null {
  const { rating, given, matched, reference, candidate, agrees } = options;
  const { corrected, ofRun } = rating;
  const small = corrected === null || candidate === null ? null : agrees(corrected, candidate);
  if (small === true) return "fine";
  if (small === false && corrected !== null) {
    const large = reference === null ? null : agrees(corrected, reference);
    return large === false ? "fine" : "wrong";
  }
  const right = rating.right ?? (corrected === null ? null : false);
  if (right === null || (ofRun && !right)) return null;
  if (given === "candidate") return right ? "fine" : matched === "fine" ? null : "wrong";
  // The reference was right, so that comparing with it says all; or it was wrong, and whatever differs is no loss.
  return right || matched === "fine" ? null : "fine";
}
