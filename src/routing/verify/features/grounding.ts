import { isObject, type Json, parseObject } from "../../../dialects/json.ts";
import type { Asked, SlmAnswer } from "../answer.ts";
import { numbersIn } from "./numbers.ts";
import { wordsOf } from "./words.ts";

/** Values beyond these are not looked at: an answer of thousands is judged by its beginning. */
const MAX_VALUES = 200;

/** Of a longer context the end counts: what was said last is what arguments are made of. */
const MAX_CONTEXT = 200_000;

/** The scalars in a value, booleans and null left out: nobody writes those in a prompt. */
function scalars(value: unknown, into: (string | number)[] = []): (string | number)[] {
  if (into.length >= MAX_VALUES) return into;
  if (typeof value === "string" || typeof value === "number") into.push(value);
  else if (Array.isArray(value)) for (const each of value) scalars(each, into);
  else if (isObject(value)) for (const each of Object.values(value)) scalars(each, into);
  return into;
}

/** What the schema itself puts into a model's mouth: members of enums, constants, defaults. */
function suppliedBySchema(schema: unknown, into: Set<unknown>, depth = 0): Set<unknown> {
  if (depth > 16) return into;
  if (Array.isArray(schema)) for (const each of schema) suppliedBySchema(each, into, depth + 1);
  else if (isObject(schema)) {
    for (const [keyword, value] of Object.entries(schema)) {
      if (keyword === "enum" && Array.isArray(value)) for (const each of value) into.add(each);
      else if (keyword === "const" || keyword === "default") into.add(value);
      else suppliedBySchema(value, into, depth + 1);
    }
  }
  return into;
}

interface Given {
  words: ReadonlySet<string>;
  numbers: ReadonlySet<number>;
}

/** The share of a value that the context has: 1 for a number that stands there, the share of its words for a text. */
function share(value: string | number, given: Given): number {
  if (typeof value === "number") return given.numbers.has(value) || given.numbers.has(-value) ? 1 : 0;
  const words = wordsOf(value);
  if (words.length === 0) return 1;
  const found = words.filter((word) => given.words.has(word) || given.numbers.has(Number(word)));
  return found.length / words.length;
}

/**
 * How far the values of the arguments come from what the model was told. A feature, no veto: of the correct calls of
 * the Berkeley leaderboard every third has a required value that its messages do not contain.
 */
export function grounding(asked: Asked, answer: SlmAnswer): { least: number; mean: number; values: number } {
  const text = asked.context.join("\n").slice(-MAX_CONTEXT);
  const given: Given = { words: new Set(wordsOf(text)), numbers: numbersIn(text) };
  const shares = answer.calls.flatMap(({ name, arguments: written }) => {
    const parameters: Json = asked.tools.find((tool) => tool.name === name)?.parameters ?? {};
    const supplied = suppliedBySchema(parameters, new Set());
    return scalars(parseObject(written))
      .filter((value) => !supplied.has(value))
      .map((value) => share(value, given));
  });
  if (shares.length === 0) return { least: 1, mean: 1, values: 0 };
  const sum = shares.reduce((total, each) => total + each, 0);
  return {
    least: shares.reduce((least, each) => Math.min(least, each), 1),
    mean: sum / shares.length,
    values: shares.length,
  };
}
