import type { Asked, SlmAnswer } from "../answer.ts";
import { wordsOf } from "./words.ts";

/** Words and signs that join things of which each may want a call of its own. */
const JOINS = /[;\n]|,|\b(?:and|also|then|both|each|und|et|y|e)\b|以及|和|、/giu;

/** How many calls there are, how many are repeated word for word, and how many things the request seems to ask for. */
export function callCount(
  asked: Asked,
  answer: SlmAnswer,
): { calls: number; repeated: number; asked: number } {
  const distinct = new Set(answer.calls.map((call) => `${call.name}\n${call.arguments}`));
  const joins = asked.request.match(JOINS)?.length ?? 0;
  return {
    calls: answer.calls.length,
    repeated: answer.calls.length - distinct.size,
    asked: wordsOf(asked.request).length === 0 ? 0 : joins + 1,
  };
}
