import { choice, EMPTY, type Gbnf, isNever, literal, NEVER, optional, ref, repeat, seq } from "../gbnf.ts";
import { COLON, COMMA } from "../json-text.ts";
import { LIMITS } from "../limits.ts";
import {
  type Automaton,
  AutomatonTooLarge,
  accepts,
  acceptsNothing,
  both,
  either,
  exactly,
  ofLength,
  without,
} from "../strings/automaton.ts";
import { UnsupportedSchema } from "../unsupported-schema.ts";
import type { Conjunction } from "./alternatives.ts";
import type { Container } from "./ambiguity.ts";
import type { Compiler, Value } from "./compile.ts";
import type { Schema, SchemaObject } from "./schema.ts";
import { countsOf } from "./string.ts";

interface Property {
  name: string;
  value: Value;
  member: Gbnf;
  required: boolean;
}

/**
 * The objects of a conjunction: the properties that it names, in that order, then any others. Their number
 * is left to validation where some are named, as are `dependentRequired`, `dependentSchemas` and
 * `unevaluatedProperties`.
 */
export function objectBody(compiler: Compiler, conjunction: Conjunction, container: Container): Gbnf {
  const required = new Set(conjunction.flatMap((schema) => schema.required ?? []));
  const names = [
    ...new Set([...conjunction.flatMap(({ properties }) => Object.keys(properties ?? {})), ...required]),
  ];
  const keys = keysOf(compiler, conjunction);
  const properties = names.flatMap((name): Property[] => {
    const value =
      keys === null || accepts(keys, name)
        ? compiler.valueOf(conjunction.flatMap((schema) => schemasOfName(compiler, schema, name)))
        : compiler.valueOf([false]);
    const member = seq(literal(JSON.stringify(name)), COLON, value.body);
    if (isNever(member) && !required.has(name)) return [];
    return [{ name, value, member, required: required.has(name) }];
  });
  const other = otherMembers(compiler, conjunction, names, keys);
  container.places.push(...properties.map(({ value }) => value), ...other.places);
  container.first = firstOf(properties, other.places.length > 0);
  const others = other.member;
  if (properties.length === 0) return anyNumber(compiler, conjunction, others);
  return seq(literal("{"), members(compiler, properties, others), literal("}"));
}

/** What may come first, where only named properties can. */
function firstOf(properties: readonly Property[], hasOthers: boolean): Map<string, Value> | null {
  const first = new Map<string, Value>();
  for (const { name, value, required } of properties) {
    first.set(name, value);
    if (required) return first;
  }
  return hasOthers ? null : first;
}

/** Members one after another, each optional one there or not, with the commas where they belong. */
function members(compiler: Compiler, properties: readonly Property[], others: Gbnf): Gbnf {
  const more = isNever(others) ? EMPTY : repeat(seq(COMMA, others), 0, null);
  const only = isNever(others) ? EMPTY : optional(seq(others, more));
  // From the last to the first: what may follow once a member was written, and what may come first.
  let following = compiler.share("p", more);
  let first = only;
  for (const { member, required } of properties.toReversed()) {
    if (required) {
      first = seq(member, following);
      following = seq(COMMA, member, following);
      continue;
    }
    const here = seq(compiler.share("m", member), compiler.share("p", following));
    first = choice(here, first);
    following = compiler.share("p", choice(seq(COMMA, here), following));
  }
  return first;
}

function anyNumber(compiler: Compiler, conjunction: Conjunction, member: Gbnf): Gbnf {
  const { min, max } = countsOf(conjunction, compiler.document, "minProperties", "maxProperties");
  if (max !== null && min > max) return NEVER;
  const shared = compiler.share("m", member);
  const all = isNever(member)
    ? NEVER
    : seq(shared, repeat(seq(COMMA, shared), Math.max(0, min - 1), max === null ? null : max - 1));
  return seq(literal("{"), max === 0 ? EMPTY : min === 0 ? optional(all) : all, literal("}"));
}

/** What one schema says about the property of a name that the conjunction knows. */
function schemasOfName(compiler: Compiler, schema: SchemaObject, name: string): Schema[] {
  const own =
    schema.properties !== undefined && Object.hasOwn(schema.properties, name)
      ? schema.properties[name]
      : undefined;
  const matching = Object.entries(schema.patternProperties ?? {}).flatMap(([pattern, inner]) =>
    accepts(compiler.strings.pattern(pattern), name) ? [inner] : [],
  );
  if (own !== undefined || matching.length > 0) return own === undefined ? matching : [own, ...matching];
  return schema.additionalProperties === undefined ? [] : [schema.additionalProperties];
}

/** What `additionalProperties` means where no schema of a conjunction has it. */
function additionalDefault({ document }: Compiler, conjunction: Conjunction): boolean {
  if (!document.strict) return true;
  return !conjunction.some(({ properties }) => properties !== undefined);
}

/** Members whose names the conjunction does not know. */
function otherMembers(
  compiler: Compiler,
  conjunction: Conjunction,
  names: readonly string[],
  keys: Automaton | null,
): { member: Gbnf; places: Value[] } {
  const { strings } = compiler;
  const places: Value[] = [];
  const patterns = conjunction.flatMap((schema) =>
    Object.keys(schema.patternProperties ?? {}).map((pattern) => ({ pattern, schema })),
  );
  const distinct = [...new Map(patterns.map((entry) => [entry.pattern, entry])).values()];
  if (distinct.length > LIMITS.patternProperties) {
    const path = compiler.document.pathOf(distinct[0]?.schema ?? {});
    throw new UnsupportedSchema({
      path,
      keyword: "patternProperties",
      message: `'patternProperties' at ${path} has more than ${LIMITS.patternProperties} patterns; join them, or use fewer.`,
    });
  }
  const otherValue = (matched: ReadonlySet<string>): Gbnf => {
    const stated = conjunction.some(({ additionalProperties }) => additionalProperties !== undefined);
    const fallback = stated || matched.size > 0 || additionalDefault(compiler, conjunction);
    const value = compiler.valueOf(
      conjunction.flatMap((schema): Schema[] => {
        const own = Object.entries(schema.patternProperties ?? {}).flatMap(([pattern, inner]) =>
          matched.has(pattern) ? [inner] : [],
        );
        if (own.length > 0) return own;
        return [schema.additionalProperties ?? fallback];
      }),
    );
    if (!isNever(value.body)) places.push(value);
    return value.body;
  };
  if (distinct.length === 0 && names.length === 0 && keys === null) {
    return { member: seq(ref("json-string"), COLON, otherValue(new Set())), places };
  }
  try {
    const start = without(keys ?? ofLength(0, null), exactly(names));
    const regions = distinct.reduce<{ language: Automaton; matched: string[] }[]>(
      (parts, { pattern }) => {
        const automaton = strings.pattern(pattern);
        return parts.flatMap(({ language, matched }) => [
          { language: both(language, automaton), matched: [...matched, pattern] },
          { language: without(language, automaton), matched },
        ]);
      },
      [{ language: start, matched: [] }],
    );
    const members = regions.map(({ language, matched }) => {
      if (acceptsNothing(language)) return NEVER;
      const value = otherValue(new Set(matched));
      return isNever(value) ? NEVER : seq(compiler.share("k", strings.bodyOf(language)), COLON, value);
    });
    return { member: choice(...members), places };
  } catch (error) {
    if (!(error instanceof AutomatonTooLarge)) throw error;
    const path = compiler.document.pathOf(conjunction[0] ?? {});
    throw new UnsupportedSchema({
      path,
      keyword: "additionalProperties",
      message: `The names of further properties at ${path} need more than ${LIMITS.automatonStates} states; set "additionalProperties": false, or use simpler patterns.`,
    });
  }
}

/** The names that every `propertyNames` allows; null: all. */
function keysOf(compiler: Compiler, conjunction: Conjunction): Automaton | null {
  return conjunction
    .flatMap((schema) => (schema.propertyNames === undefined ? [] : [schema.propertyNames]))
    .flatMap((schema): Automaton[] => {
      const ways = compiler.alternativesOf([schema]);
      if (ways.length === 0) return [exactly([])];
      const languages = ways.map((way) => namesOf(compiler, way));
      // One way without any condition allows every name.
      if (languages.some((language) => language === null)) return [];
      const known = languages.flatMap((language) => (language === null ? [] : [language]));
      return [known.reduce((all, each) => either(all, each))];
    })
    .reduce<Automaton | null>((all, each) => (all === null ? each : both(all, each)), null);
}

function namesOf({ strings }: Compiler, way: Conjunction): Automaton | null {
  if (way.some(({ type }) => type !== undefined && !type.includes("string"))) return exactly([]);
  const lists = way.flatMap((schema) => [
    ...(schema.enum === undefined ? [] : [schema.enum]),
    ...("const" in schema ? [[schema.const]] : []),
  ]);
  const listed = lists.map((list) => exactly(list.filter((value) => typeof value === "string")));
  const described = strings.automatonOf(way);
  return [...listed, ...(described === null ? [] : [described])].reduce<Automaton | null>(
    (all, each) => (all === null ? each : both(all, each)),
    null,
  );
}
