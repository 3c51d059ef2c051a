import { choice, EMPTY, type Gbnf, literal, NEVER, oneOf, ref, repeat, seq } from "../../grammar/gbnf.ts";
import type { GrammarRules } from "../../grammar/grammar-rules.ts";
import { ANY, type CodePoints, complement, only } from "../../grammar/strings/code-points.ts";

/** Where rules of texts are put; `name` gives names that no rule has yet. */
export interface TextRules {
  rules: GrammarRules;
  name(): string;
}

export const ANY_TEXT: Gbnf = repeat(oneOf(ANY), 0, null);
const SPACES: CodePoints = only(" ", "\n", "\t");
/** A model that may write white space without end can lose itself in it. */
export const SPACE: Gbnf = repeat(oneOf(SPACES), 0, 4);

/**
 * Any text up to the first `stop`, the `stop` itself, and `next` behind it. With `mayEnd` also a text without it: with
 * `next` that never matches, exactly the texts that do not contain it.
 */
export function textUntil(
  { rules, name }: TextRules,
  { stop, next, mayEnd }: { stop: string; next: Gbnf; mayEnd: boolean },
): Gbnf {
  const characters = [...stop];
  const names = characters.map(() => name());
  const alphabet = [...new Set(characters)];
  characters.forEach((_, state) => {
    const known = alphabet.map((character) => {
      const seen = nextState(characters, state, character);
      return seq(literal(character), seen === characters.length ? next : ref(names[seen] ?? ""));
    });
    const other = seq(oneOf(complement(only(...alphabet))), ref(names[0] ?? ""));
    rules.addRule(names[state] ?? "", choice(...known, other, mayEnd ? EMPTY : NEVER));
  });
  return ref(names[0] ?? "");
}

/** How much of the stop text has come, once `character` came after the first `state` of it (Knuth, Morris, Pratt). */
function nextState(stop: readonly string[], state: number, character: string): number {
  const seen = [...stop.slice(0, state), character];
  for (let length = Math.min(seen.length, stop.length); length > 0; length--) {
    if (seen.slice(seen.length - length).every((each, index) => each === stop[index])) return length;
  }
  return 0;
}

/**
 * A text that begins with `lead`, in whatever white space JSON allows, and then goes on as `next` says; or any text that
 * begins otherwise.
 */
export function textUnlessLed(
  { rules, name }: TextRules,
  { lead, next }: { lead: string; next: Gbnf },
): Gbnf {
  const characters = [...lead.replace(/\s+/g, "")];
  const names = characters.map(() => name());
  characters.forEach((character, state) => {
    const last = state === characters.length - 1;
    const spaced = /[{[:,]/.test(character) || /[{[:,]/.test(characters[state - 1] ?? "");
    const here = ref(names[state] ?? "");
    const others = complement(spaced ? [...only(character), ...SPACES] : only(character));
    rules.addRule(
      names[state] ?? "",
      choice(
        seq(literal(character), last ? next : ref(names[state + 1] ?? "")),
        spaced ? seq(oneOf(SPACES), here) : NEVER,
        seq(oneOf(others), ANY_TEXT),
        EMPTY,
      ),
    );
  });
  return ref(names[0] ?? "");
}
