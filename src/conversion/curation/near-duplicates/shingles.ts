import { finish, mix } from "../../../routing/task/hash.ts";
import { wordsOf } from "../../../routing/verify/features/words.ts";

/** Words in a row that count as one thing that a text says. */
const WIDTH = 3;

/** A template is known from so many calls on. */
const SAMPLE = 4;

/** What differs between two runs of the same thing: when it was, and the ids that were drawn for it. */
const VOLATILE =
  /\b\d{4}-\d\d-\d\d(?:[t ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:z|[+-]\d\d:?\d\d)?)?\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?=[0-9a-f]*\d)[0-9a-f]{16,}\b/gi;

function hashWord(word: string): number {
  let hash = 0;
  for (let at = 0; at < word.length; at++) hash = mix(hash, word.charCodeAt(at));
  return hash;
}

/** What some texts say, as a set: hashes of every three words in a row. Case, punctuation, times and drawn ids do not count. */
export function shinglesOf(texts: readonly string[]): ReadonlySet<number> {
  const found = new Set<number>();
  for (const text of texts) {
    const words = wordsOf(text.replace(VOLATILE, " ")).map(hashWord);
    const last = Math.max(0, words.length - WIDTH);
    for (let at = 0; at <= last && words.length > 0; at++)
      found.add(finish(words.slice(at, at + WIDTH).reduce(mix, 0)));
  }
  return found;
}

/** What more than half of a task's calls say: their template, which tells none of them apart. Empty for a handful of calls. */
export function templateOf(calls: readonly ReadonlySet<number>[]): ReadonlySet<number> {
  const counts = new Map<number, number>();
  if (calls.length < SAMPLE) return new Set();
  for (const call of calls) for (const shingle of call) counts.set(shingle, (counts.get(shingle) ?? 0) + 1);
  return new Set([...counts].filter(([, count]) => 2 * count > calls.length).map(([shingle]) => shingle));
}

/** What a call says beyond its template. */
export function ownShingles(call: ReadonlySet<number>, template: ReadonlySet<number>): number[] {
  return [...call].filter((shingle) => !template.has(shingle));
}
