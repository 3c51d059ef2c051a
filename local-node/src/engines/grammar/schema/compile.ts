import { choice, type Gbnf, isEmpty, isNever, literal, ref } from "../gbnf.ts";
import { jsonLiteral } from "../json-text.ts";
import { type Alternatives, type Conjunction, createAlternatives } from "./alternatives.ts";
import { arrayBody } from "./array.ts";
import { numberAdmits, numberBody } from "./number.ts";
import { objectBody } from "./object.ts";
import type { Schema, SchemaDocument, TypeName } from "./schema.ts";
import { createStrings, type Strings } from "./string.ts";

/** Where the compiler puts the rules that it needs. */
export interface RuleSink {
  /** A new name that begins with `prefix`. */
  reserve(prefix: string): string;
  set(name: string, body: Gbnf): void;
}

/** What the parts of the compiler share. */
export interface Compiler {
  readonly document: SchemaDocument;
  readonly alternativesOf: Alternatives;
  readonly strings: Strings;
  readonly rules: RuleSink;
  /** The JSON texts of the values that satisfy all these schemas. */
  valueOf(schemas: readonly Schema[]): Gbnf;
  /** Gives a body that is used more than once a rule. */
  share(prefix: string, body: Gbnf): Gbnf;
}

const ALL_TYPES: readonly TypeName[] = ["null", "boolean", "object", "array", "number", "string"];

/**
 * The JSON texts of a schema's values: compact, properties in the order in which the schema names them. It may allow
 * more than the schema where a context-free grammar cannot say it (`validator.ts` says the rest), never less, but for the
 * order and the spelling of numbers and strings.
 */
export function compileSchema(document: SchemaDocument, rules: RuleSink): Gbnf {
  const ids = new Map<object, number>();
  const named = new Map<string, string>();
  const pending: (() => void)[] = [];
  const keyOf = (conjunction: Conjunction): string =>
    conjunction
      .map((schema) => {
        const id = ids.get(schema) ?? ids.size;
        ids.set(schema, id);
        return id;
      })
      .join(" ");
  /** Objects and arrays have rules, found again by what they satisfy: so recursion ends. */
  const nameOf = (type: "object" | "array", conjunction: Conjunction): Gbnf => {
    if (conjunction.length === 0) return ref(`json-${type}`);
    const key = `${type} ${keyOf(conjunction)}`;
    const known = named.get(key);
    if (known !== undefined) return ref(known);
    const name = rules.reserve(type === "object" ? "o" : "a");
    named.set(key, name);
    // Later, not inside: schemas may lead to each other thousands deep.
    pending.push(() =>
      rules.set(
        name,
        type === "object" ? objectBody(compiler, conjunction) : arrayBody(compiler, conjunction),
      ),
    );
    return ref(name);
  };
  const bodyOfType = (type: TypeName, conjunction: Conjunction): Gbnf => {
    switch (type) {
      case "null":
        return literal("null");
      case "boolean":
        return choice(literal("true"), literal("false"));
      case "number":
      case "integer":
        return numberBody(type, conjunction);
      case "string":
        return compiler.strings.body(conjunction);
      default:
        return nameOf(type, conjunction);
    }
  };
  const bodyOf = (conjunction: Conjunction): Gbnf => {
    if (conjunction.every(saysNothing)) return ref("json-value");
    const types = typesOf(conjunction);
    const values = listedValues(conjunction);
    if (values !== null) {
      return choice(
        ...values.filter((value) => admits(compiler, conjunction, types, value)).map(jsonLiteral),
      );
    }
    return choice(...types.map((type) => bodyOfType(type, conjunction)));
  };
  const compiler: Compiler = {
    document,
    rules,
    strings: createStrings(document, rules),
    alternativesOf: createAlternatives(document),
    valueOf: (schemas) => choice(...compiler.alternativesOf(schemas).map(bodyOf)),
    share: (prefix, body) => {
      if (body.kind === "ref" || body.kind === "text" || isEmpty(body) || isNever(body)) return body;
      const name = rules.reserve(prefix);
      rules.set(name, body);
      return ref(name);
    },
  };
  const root = compiler.valueOf([document.root]);
  for (let task = pending.pop(); task !== undefined; task = pending.pop()) task();
  return root;
}

/** No keyword, or only those that choose between others and were followed. */
function saysNothing(schema: Conjunction[number]): boolean {
  return Object.keys(schema).every((keyword) => FOLLOWED.has(keyword));
}

const FOLLOWED = new Set(["$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else"]);

/** The types that a conjunction allows; where none is stated, those that its keywords are about. */
function typesOf(conjunction: Conjunction): TypeName[] {
  const stated = conjunction.flatMap(({ type }) => (type === undefined ? [] : [type]));
  if (stated.length === 0 && listedValues(conjunction) === null) {
    const about = new Set(
      conjunction.flatMap((schema) => Object.keys(schema)).map((keyword) => TYPE_OF[keyword]),
    );
    const types = ALL_TYPES.filter((type) => about.has(type));
    return types.length === 0 ? [...ALL_TYPES] : types;
  }
  return stated.reduce<TypeName[]>(
    (types, type) =>
      types.flatMap((known): TypeName[] => {
        if (type.includes(known)) return [known];
        if (known === "number" && type.includes("integer")) return ["integer"];
        return known === "integer" && type.includes("number") ? ["integer"] : [];
      }),
    [...ALL_TYPES],
  );
}

/**
 * A schema with `properties` and no `type` also allows numbers, but nobody who writes one means that: its keywords
 * say which type it is.
 */
const TYPE_OF: Readonly<Record<string, TypeName>> = {
  properties: "object",
  patternProperties: "object",
  additionalProperties: "object",
  propertyNames: "object",
  required: "object",
  minProperties: "object",
  maxProperties: "object",
  items: "array",
  prefixItems: "array",
  minItems: "array",
  maxItems: "array",
  uniqueItems: "array",
  contains: "array",
  minLength: "string",
  maxLength: "string",
  pattern: "string",
  format: "string",
  minimum: "number",
  maximum: "number",
  exclusiveMinimum: "number",
  exclusiveMaximum: "number",
  multipleOf: "number",
};

/** The values that every `enum` and `const` lists; null: there is none of them. */
function listedValues(conjunction: Conjunction): unknown[] | null {
  const lists = conjunction.flatMap((schema) => [
    ...(schema.enum === undefined ? [] : [schema.enum]),
    ...("const" in schema ? [[schema.const]] : []),
  ]);
  const [first, ...others] = lists.map((list) => new Map(list.map((value) => [canonical(value), value])));
  if (first === undefined) return null;
  return [...first].flatMap(([key, value]) => (others.every((other) => other.has(key)) ? [value] : []));
}

/** The same text for equal values, whatever the order of their properties. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** Whether the other keywords leave a listed value; those of objects and arrays are looked at afterwards. */
function admits(
  { strings }: Compiler,
  conjunction: Conjunction,
  types: readonly TypeName[],
  value: unknown,
): boolean {
  switch (typeof value) {
    case "string":
      return types.includes("string") && strings.admits(conjunction, value);
    case "number":
      return (
        (types.includes("number") || (types.includes("integer") && Number.isInteger(value))) &&
        numberAdmits(conjunction, value)
      );
    case "boolean":
      return types.includes("boolean");
    default:
      return types.includes(value === null ? "null" : Array.isArray(value) ? "array" : "object");
  }
}
