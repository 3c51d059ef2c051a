import { type Gbnf, isNever, literal, NEVER, ref, repeat, seq } from "../gbnf.ts";
import { LIMITS } from "../limits.ts";
import {
  type Automaton,
  AutomatonTooLarge,
  accepts,
  acceptsNothing,
  both,
  exactly,
  ofLength,
} from "../strings/automaton.ts";
import { stringBody } from "../strings/automaton-rules.ts";
import { formatAutomaton } from "../strings/formats.ts";
import { UnsupportedSchema } from "../unsupported-schema.ts";
import type { Conjunction } from "./alternatives.ts";
import type { RuleSink } from "./compile.ts";
import type { SchemaDocument } from "./schema.ts";

/** What a schema says about strings. */
export interface Strings {
  /** The JSON strings of a conjunction. */
  body(conjunction: Conjunction): Gbnf;
  /** The JSON strings of an automaton. */
  bodyOf(automaton: Automaton): Gbnf;
  admits(conjunction: Conjunction, value: string): boolean;
  /** All that `pattern`, `format` and the lengths say together; null: nothing. */
  automatonOf(conjunction: Conjunction): Automaton | null;
  /** The strings that a pattern of the document finds. */
  pattern(source: string): Automaton;
}

export function createStrings(document: SchemaDocument, rules: RuleSink): Strings {
  const pattern: Strings["pattern"] = (source) => document.patterns.get(source) ?? exactly([]);

  const patternsOf = (conjunction: Conjunction): Automaton | null =>
    conjunction
      .flatMap((schema) => [
        ...(schema.pattern === undefined ? [] : [pattern(schema.pattern)]),
        ...(schema.format === undefined ? [] : [formatAutomaton(schema.format)]),
      ])
      .reduce<Automaton | null>((all, each) => (all === null ? each : both(all, each)), null);

  const automatonOf: Strings["automatonOf"] = (conjunction) => {
    const { min, max } = lengthsOf(conjunction, document);
    const patterns = patternsOf(conjunction);
    if (min === 0 && max === null) return patterns;
    if (patterns === null) return ofLength(min, max);
    try {
      return both(patterns, ofLength(min, max));
    } catch (error) {
      // The lengths are then only validated.
      if (error instanceof AutomatonTooLarge) return patterns;
      throw error;
    }
  };

  const bodyOf = (automaton: Automaton): Gbnf =>
    acceptsNothing(automaton)
      ? NEVER
      : stringBody(automaton, {
          reserve: () => rules.reserve("t"),
          set: (name, body) => rules.set(name, body),
        });

  const bodies = new Map<string, Gbnf>();
  const makeBody = (conjunction: Conjunction, min: number, max: number | null): Gbnf => {
    if (patternsOf(conjunction) === null) {
      if (min === 0 && max === null) return ref("json-string");
      return seq(literal('"'), repeat(ref("json-character"), min, max), literal('"'));
    }
    const automaton = automatonOf(conjunction);
    return automaton === null ? ref("json-string") : bodyOf(automaton);
  };

  return {
    pattern,
    automatonOf,
    bodyOf,
    body(conjunction) {
      const { min, max } = lengthsOf(conjunction, document);
      if (max !== null && min > max) return NEVER;
      const texts = conjunction.map(({ pattern, format }) => [pattern, format]);
      const key = JSON.stringify([min, max, texts.filter((each) => each.some((text) => text !== undefined))]);
      const known = bodies.get(key);
      if (known !== undefined) return known;
      const made = makeBody(conjunction, min, max);
      // One rule for all that ask for the same.
      const name = made.kind === "ref" || isNever(made) ? null : rules.reserve("t");
      if (name !== null) rules.set(name, made);
      const body = name === null ? made : ref(name);
      bodies.set(key, body);
      return body;
    },
    admits(conjunction, value) {
      const { min, max } = lengthsOf(conjunction, document);
      const length = Array.from(value).length;
      const patterns = patternsOf(conjunction);
      return (
        length >= min && (max === null || length <= max) && (patterns === null || accepts(patterns, value))
      );
    },
  };
}

function lengthsOf(conjunction: Conjunction, document: SchemaDocument): { min: number; max: number | null } {
  return countsOf(conjunction, document, "minLength", "maxLength");
}

/** The counts of two keywords; an upper one above what llama.cpp repeats is open, a lower one is refused. */
export function countsOf(
  conjunction: Conjunction,
  document: SchemaDocument,
  lower: "minLength" | "minItems" | "minProperties",
  upper: "maxLength" | "maxItems" | "maxProperties",
): { min: number; max: number | null } {
  let min = 0;
  let max = Number.POSITIVE_INFINITY;
  for (const schema of conjunction) {
    const least = schema[lower] ?? 0;
    if (least > LIMITS.repetitions) {
      throw new UnsupportedSchema({
        path: document.pathOf(schema),
        keyword: lower,
        message: `'${lower}' at ${document.pathOf(schema)} is above ${LIMITS.repetitions}, the most that can be asked for.`,
      });
    }
    min = Math.max(min, least);
    max = Math.min(max, schema[upper] ?? max);
  }
  return { min, max: max > LIMITS.repetitions ? null : max };
}
