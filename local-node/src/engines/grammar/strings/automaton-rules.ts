import { choice, type Gbnf, literal, NEVER, oneOf, ref, seq } from "../gbnf.ts";
import type { Automaton, AutomatonState } from "./automaton.ts";
import { type CodePoints, complement, has, intersect, only } from "./code-points.ts";

const CONTROLS: CodePoints = [[0, 0x1f]];
/** What stands in a JSON string as it is (RFC 8259, section 7). */
const RAW = complement([...CONTROLS, ...only('"', "\\")]);
const SHORT_ESCAPES: readonly (readonly [string, string])[] = [
  ['"', '"'],
  ["\\", "\\"],
  ["\b", "b"],
  ["\f", "f"],
  ["\n", "n"],
  ["\r", "r"],
  ["\t", "t"],
];
const SHORT = only(...SHORT_ESCAPES.map(([character]) => character));

/** States that are written inside each other at most. */
const MAX_NESTING = 40;

/**
 * The JSON strings, quotes included, that hold the texts of an automaton: a character that must be escaped has its one
 * usual escape and every other stands for itself, so that no text can be written in two ways.
 */
export function stringBody(
  automaton: Automaton,
  rules: { reserve(): string; set(name: string, body: Gbnf): void },
): Gbnf {
  const { states } = automaton;
  const entries = states.map((_, index) => Number(index === 0));
  for (const { edges } of states) for (const { to } of edges) entries[to] = (entries[to] ?? 0) + 1;
  // A state with one way in is written where it is entered, one with several as a rule of its own.
  const names = new Map<number, string>();
  const pending: number[] = [];
  const enter = (index: number, nesting: number): Gbnf => {
    const state = states[index];
    if (state === undefined) return NEVER;
    if ((entries[index] ?? 0) === 1 && nesting < MAX_NESTING) return body(state, nesting + 1);
    const name = names.get(index) ?? rules.reserve();
    if (!names.has(index)) pending.push(index);
    names.set(index, name);
    return ref(name);
  };
  const body = ({ accepting, edges }: AutomatonState, nesting: number): Gbnf =>
    choice(
      ...edges.map(({ on, to }) => seq(jsonCharacter(on), enter(to, nesting))),
      ...(accepting ? [literal('"')] : []),
    );
  const start = enter(0, 0);
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    const state = states[index];
    const name = names.get(index);
    if (state !== undefined && name !== undefined) rules.set(name, body(state, 0));
  }
  return seq(literal('"'), start);
}

/** One character of the set, as it stands in a JSON string. */
export function jsonCharacter(set: CodePoints): Gbnf {
  const escapes = SHORT_ESCAPES.filter(([character]) => has(set, character.codePointAt(0) ?? 0));
  const controls = intersect(set, intersect(CONTROLS, complement(SHORT)));
  return choice(
    oneOf(intersect(set, RAW)),
    ...(escapes.length === 0
      ? []
      : [seq(literal("\\"), oneOf(only(...escapes.map(([, letter]) => letter))))]),
    ...["0", "1"].flatMap((high, index) => {
      const digits = Array.from({ length: 16 }, (_, low) => low)
        .filter((low) => has(controls, index * 16 + low))
        .map((low) => low.toString(16));
      return digits.length === 0 ? [] : [seq(literal(`\\u00${high}`), oneOf(only(...digits)))];
    }),
  );
}
