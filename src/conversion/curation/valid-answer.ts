import { verify } from "../../routing/verify/verdict.ts";
import type { Rule } from "./candidate.ts";

/** The hard checks that a small model's answer has to pass; corrections too, since people mistype. */
export const validAnswer: Rule = ({ asked, answer, corrected }) => {
  if (answer !== null && verify(asked, answer).valid) return null;
  return corrected ? "invalid_correction" : "invalid_answer";
};
