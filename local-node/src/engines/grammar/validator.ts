import { type Schema as CheckedSchema, type OutputUnit, Validator } from "@cfworker/json-schema";
import type { Schema, SchemaDocument, SchemaObject } from "./schema/schema.ts";
import { accepts } from "./strings/automaton.ts";
import { formatAutomaton } from "./strings/formats.ts";

export interface Invalid {
  /** Where in the value: a JSON pointer as a URI fragment, `#/items/0`. */
  path: string;
  /** Names the keyword, and nothing of the value. */
  message: string;
}

/** Applicators only say that something inside is wrong; what is wrong says so itself. */
const APPLICATORS = new Set([
  "$ref",
  "allOf",
  "properties",
  "patternProperties",
  "additionalProperties",
  "items",
  "prefixItems",
  "dependentSchemas",
  "if",
]);

/**
 * Says in what a value fails a schema; an empty list: it is valid. Patterns and formats are decided by their automata,
 * in time linear in the text, so that no pattern of a caller's can hold this process up.
 */
export function createValidator(document: SchemaDocument): (value: unknown) => readonly Invalid[] {
  const definitions = [...document.definitions];
  const hasPatterns = [document.root, ...document.definitions.values()].some(usesPatterns);
  const validatorFor = (texts: readonly string[]): Validator => {
    const bind = (schema: Schema): Schema =>
      bindPatterns(schema, {
        matching: (pattern) => {
          const automaton = document.patterns.get(pattern);
          return texts.filter((text) => automaton !== undefined && accepts(automaton, text));
        },
        ofFormat: (format) => texts.filter((text) => accepts(formatAutomaton(format), text)),
      });
    const root = bind(document.root);
    const $defs = Object.fromEntries(definitions.map(([name, schema]) => [name, bind(schema)]));
    // Its types know no boolean below the root; it does.
    const checked = typeof root === "boolean" ? root : ({ ...root, $defs } as CheckedSchema);
    return new Validator(checked, "2020-12", false);
  };
  const fixed = hasPatterns ? null : validatorFor([]);
  return (value) => {
    try {
      const { valid, errors } = (fixed ?? validatorFor(textsIn(value))).validate(value);
      return valid ? [] : toInvalid(errors);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return [{ path: "#", message: "is nested too deeply to be checked" }];
    }
  };
}

function toInvalid(errors: readonly OutputUnit[]): Invalid[] {
  const causes = errors.filter(({ keyword }) => !APPLICATORS.has(keyword));
  return (causes.length === 0 ? errors : causes).map(({ instanceLocation, keyword }) => ({
    path: instanceLocation,
    message: keyword === "false" ? "is not allowed here" : `does not satisfy '${keyword}'`,
  }));
}

const INNER = [
  "not",
  "if",
  "then",
  "else",
  "additionalProperties",
  "propertyNames",
  "unevaluatedProperties",
] as const;
const INNER_OF_ARRAYS = ["items", "contains", "unevaluatedItems"] as const;
const LISTS = ["allOf", "anyOf", "oneOf", "prefixItems"] as const;
const MAPS = ["properties", "patternProperties", "dependentSchemas"] as const;

/** A copy in which each subschema went through `map`. */
function mapInner(schema: SchemaObject, map: (inner: Schema) => Schema): SchemaObject {
  const copy: SchemaObject = { ...schema };
  for (const keyword of [...INNER, ...INNER_OF_ARRAYS]) {
    const inner = schema[keyword];
    if (inner !== undefined) copy[keyword] = map(inner);
  }
  for (const keyword of LISTS) {
    const inner = schema[keyword];
    if (inner !== undefined) copy[keyword] = inner.map(map);
  }
  for (const keyword of MAPS) {
    const inner = schema[keyword];
    if (inner === undefined) continue;
    copy[keyword] = Object.assign(
      Object.create(null),
      Object.fromEntries(Object.entries(inner).map(([name, each]) => [name, map(each)])),
    );
  }
  return copy;
}

function usesPatterns(schema: Schema): boolean {
  if (typeof schema === "boolean") return false;
  if (
    schema.pattern !== undefined ||
    schema.format !== undefined ||
    Object.keys(schema.patternProperties ?? {}).length > 0
  ) {
    return true;
  }
  let found = false;
  mapInner(schema, (inner) => {
    found ||= usesPatterns(inner);
    return inner;
  });
  return found;
}

/** Which of the texts at hand match. */
interface Texts {
  matching(pattern: string): string[];
  ofFormat(format: string): string[];
}

/** Puts the matching ones of the texts at hand in the place of each pattern and format. */
function bindPatterns(schema: Schema, texts: Texts): Schema {
  if (typeof schema === "boolean") return schema;
  const { pattern, format, ...others } = mapInner(schema, (inner) => bindPatterns(inner, texts));
  const bound: SchemaObject = others;
  const [only, other] = [
    ...(pattern === undefined ? [] : [texts.matching(pattern)]),
    ...(format === undefined ? [] : [texts.ofFormat(format)]),
  ];
  if (only !== undefined) {
    bound.pattern = anyOfThese(other === undefined ? only : only.filter((text) => other.includes(text)));
  }
  if (bound.patternProperties !== undefined) {
    const byTexts: Record<string, Schema> = {};
    for (const [source, inner] of Object.entries(bound.patternProperties)) {
      const these = anyOfThese(texts.matching(source));
      const before = byTexts[these];
      byTexts[these] = before === undefined ? inner : { allOf: [before, inner] };
    }
    bound.patternProperties = byTexts;
  }
  return bound;
}

/** A regular expression for exactly these texts. */
function anyOfThese(texts: readonly string[]): string {
  const escaped = texts.map((text) =>
    Array.from(text, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`).join(""),
  );
  return texts.length === 0 ? "[]" : `^(?:${escaped.join("|")})$`;
}

/** All strings and property names of a value. */
function textsIn(value: unknown): string[] {
  const texts = new Set<string>();
  const pending = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next === "string") texts.add(next);
    else if (Array.isArray(next)) pending.push(...next);
    else if (typeof next === "object" && next !== null) {
      for (const [name, inner] of Object.entries(next)) {
        texts.add(name);
        pending.push(inner);
      }
    }
  }
  return [...texts];
}
