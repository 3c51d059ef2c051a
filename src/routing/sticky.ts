import { fnv1a, mix } from "./fnv.ts";

/**
 * Orders candidates for a conversation: the same key gives the same order everywhere, keys spread by weight, and one
 * that goes or comes moves only its own share (weighted rendezvous hashing, Schindelhauer and Schomaker 2005). Without
 * a key the order is drawn.
 */
export function orderFor<T>(options: {
  key: string | null;
  candidates: readonly T[];
  idOf: (candidate: T) => string;
  /** Above 0; a candidate of weight 0 comes last. */
  weightOf: (candidate: T) => number;
  /** In [0, 1). */
  random: () => number;
}): T[] {
  const { key, candidates, idOf, weightOf, random } = options;
  return candidates
    .map((candidate) => {
      const draw = key === null ? random() : mix(fnv1a(`${key}\n${idOf(candidate)}`)) / 2 ** 32;
      const weight = weightOf(candidate);
      // Never log(0): a draw of nothing is as good as the least that there is.
      return { candidate, score: weight > 0 ? -Math.log(Math.max(draw, 2 ** -33)) / weight : Infinity };
    })
    .sort((a, b) => a.score - b.score)
    .map(({ candidate }) => candidate);
}

/** What a conversation is known by: the caller's own name for it, else how it began; null when nothing tells. */
export function conversationKey(options: {
  /** `x-routelet-session`. */
  session: string | null;
  /** The text of the conversation up to its first user message; null for a call that begins one. */
  beginning: string | null;
}): string | null {
  if (options.session !== null) return `session:${options.session}`;
  return options.beginning === null ? null : `begin:${fnv1a(options.beginning).toString(36)}`;
}
