import type { Asked, SlmAnswer } from "../../routing/verify/answer.ts";
import type { LeftOut } from "./left-out.ts";

/** A recorded call that may become an example to train on, as the rules see it. */
export interface Candidate {
  outcome: "done" | "error" | "deadline" | "cancelled" | "lost";
  asked: Asked;
  /** Null where the client was given none that can be read. */
  answer: SlmAnswer | null;
  /** The answer is what somebody said would have been right. */
  corrected: boolean;
  /** A small model answered what another model was asked for. */
  standIn: boolean;
  /** Somebody said that the answer is good. */
  liked: boolean;
  disliked: boolean;
  /** Its tools and its format (`schema-version.ts`), and the one that its task has now. */
  version: string;
  currentVersion: string;
}

/** A rule of curation: why a call is no example, or null. For training data alone: what judges a model is a raw sample. */
export type Rule = (candidate: Candidate) => LeftOut | null;
