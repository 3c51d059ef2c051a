import type { Candidate, Rule } from "./candidate.ts";
import { endedWell } from "./ended-well.ts";
import { notDisliked } from "./feedback.ts";
import type { LeftOut } from "./left-out.ts";
import { referenceAnswer } from "./reference-answer.ts";
import { currentSchema } from "./schema-version.ts";
import { validAnswer } from "./valid-answer.ts";

/** In this order, so that a call counts by the first thing that is wrong with it. */
const RULES: readonly Rule[] = [endedWell, notDisliked, referenceAnswer, currentSchema, validAnswer];

/** Why a call is no example to train on; null for one that is. Duplicates are a matter of the whole set (`near-duplicates/`). */
export function curate(candidate: Candidate): LeftOut | null {
  for (const rule of RULES) {
    const reason = rule(candidate);
    if (reason !== null) return reason;
  }
  return null;
}
