import type { Confidence } from "../../tunnel/protocol/confidence.ts";

/**
 * How sure an answer is, for its release: only the order counts, since thresholds are chosen among such scores. Engines
 * that tell nothing have one score for all that is valid.
 */
export function releaseScore(confidence: Confidence | null): number {
  return confidence === null ? 1 : Math.exp(confidence.meanLogprob);
}
