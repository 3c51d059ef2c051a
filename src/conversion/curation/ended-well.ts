import type { Rule } from "./candidate.ts";

/** An answer that was broken off, or that nobody was given, is none to learn from. What people corrected is. */
export const endedWell: Rule = ({ outcome, answer, corrected }) => {
  if (corrected) return null;
  if (outcome === "cancelled") return "cancelled";
  if (outcome !== "done") return "failed";
  return answer === null ? "no_answer" : null;
};
