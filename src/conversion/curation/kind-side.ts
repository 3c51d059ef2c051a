import type { Side } from "../../routing/guarantee/split.ts";

/**
 * Whether calls of a side go into a set of a kind. What is trained on is never judged by, and the other way round: each side is
 * of one kind alone.
 */
export function isOfKind(side: Side, kind: "training" | "evaluation"): boolean {
  return (side === "train") === (kind === "training");
}
