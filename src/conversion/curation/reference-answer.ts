import type { Rule } from "./candidate.ts";

/**
 * A model that is trained on its own answers learns its own mistakes: of what a small model said in another's place only
 * what people liked or corrected counts. Where it was asked for by name, it is the reference itself.
 */
export const referenceAnswer: Rule = ({ standIn, liked, corrected }) =>
  standIn && !liked && !corrected ? "stand_in" : null;
