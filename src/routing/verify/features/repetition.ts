import { wordsOf } from "./words.ts";

const GRAM = 4;
/** A model that loops does it for long: of a long answer the end tells. */
const MAX_WORDS = 4_000;

/**
 * The share of a text's groups of four words that stood there before: near 0 in prose, near 1 in a model that goes
 * round in circles. 0 for texts of fewer than eight words.
 */
export function repetition(text: string): number {
  const words = wordsOf(text).slice(-MAX_WORDS);
  if (words.length < 2 * GRAM) return 0;
  const seen = new Set<string>();
  const grams = words.length - GRAM + 1;
  for (let at = 0; at < grams; at++) seen.add(words.slice(at, at + GRAM).join(" "));
  return 1 - seen.size / grams;
}
