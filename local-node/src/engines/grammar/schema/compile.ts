import { isRecord } from "../../../is-record.ts";
import { choice, type Gbnf, isEmpty, isNever, literal, ref } from "../gbnf.ts";
import { jsonLiteral } from "../json-text.ts";
import { exactly } from "../strings/automaton.ts";
import { type Alternatives, type Conjunction, createAlternatives } from "./alternatives.ts";
import { type Container, type Place, refuseAmbiguity } from "./ambiguity.ts";
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

/** A value's texts, and the ways in which it can be written. */
export interface Value extends Place {
  body: Gbnf;
}

/** What the parts of the compiler share. */
export interface Compiler {
  readonly document: SchemaDocument;
  readonly alternativesOf: Alternatives;
  readonly strings: Strings;
  readonly rules: RuleSink;
  /** The JSON texts of the values that satisfy all these schemas. */
  valueOf(schemas: readonly Schema[]): Value;
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
  const named = new Map<string, { name: string; container: Container }>();
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
  const containerOf = (type: "object" | "array", conjunction: Conjunction): Value => {
    const key = `${type} ${keyOf(conjunction)}`;
    const known = named.get(key);
    if (known !== undefined) return { body: ref(known.name), ways: [known.container], listed: null };
    const name = rules.reserve(type === "object" ? "o" : "a");
    const path = conjunction[0] === undefined ? "#" : document.pathOf(conjunction[0]);
    const container: Container = { kind: type, path, first: null, places: [] };
    named.set(key, { name, container });
    // Later, not inside: schemas may lead to each other thousands deep.
    pending.push(() =>
      rules.set(
        name,
        type === "object"
          ? objectBody(compiler, conjunction, container)
          : arrayBody(compiler, conjunction, container),
      ),
    );
    return { body: ref(name), ways: [container], listed: null };
  };
  const valueOfType = (type: TypeName, conjunction: Conjunction): Value => {
    switch (type) {
      case "null":
        return scalar(literal("null"));
      case "boolean":
        return scalar(choice(literal("true"), literal("false")));
      case "number":
      case "integer":
        return scalar(numberBody(type, conjunction));
      case "string":
        return scalar(compiler.strings.body(conjunction));
      default:
        return containerOf(type, conjunction);
    }
  };
  const valueOfWay = (conjunction: Conjunction): Value => {
    if (conjunction.length === 0) return any;
    const types = typesOf(conjunction);
    const values = listedValues(conjunction)?.filter((value) => admits(compiler, conjunction, types, value));
    if (values === undefined) return join(types.map((type) => valueOfType(type, conjunction)));
    const texts = values.filter((value) => typeof value === "string");
    return {
      body: choice(
        // Together, so that one begun is read in one way.
        texts.length > 1 ? compiler.strings.bodyOf(exactly(texts)) : choice(...texts.map(jsonLiteral)),
        ...values.filter((value) => typeof value !== "string").map(jsonLiteral),
      ),
      ways: ["scalar"],
      listed: new Set(values.map(canonical)),
    };
  };
  const compiler: Compiler = {
    document,
    rules,
    strings: createStrings(document, rules),
    alternativesOf: createAlternatives(document),
    valueOf: (schemas) => join(compiler.alternativesOf(schemas).map(valueOfWay)),
    share: (prefix, body) => {
      if (body.kind === "ref" || body.kind === "text" || isEmpty(body) || isNever(body)) return body;
      const name = rules.reserve(prefix);
      rules.set(name, body);
      return ref(name);
    },
  };
  const root = compiler.valueOf([document.root]);
  for (let task = pending.pop(); task !== undefined; task = pending.pop()) task();
  refuseAmbiguity(root, [anyContainer, ...[...named.values()].map(({ container }) => container)]);
  return root.body;
}

/** Any object or array: whatever is inside, it is read in one way. */
const anyContainer: Container = { kind: "object", path: "#", first: null, places: [] };
const any: Value = { body: ref("json-value"), ways: [anyContainer], listed: null };

function scalar(body: Gbnf): Value {
  return { body, ways: ["scalar"], listed: null };
}

function join(values: readonly Value[]): Value {
  return {
    body: choice(...values.map(({ body }) => body)),
    ways: [...new Set(values.flatMap(({ ways }) => ways))],
    listed: values.every(({ listed }) => listed !== null)
      ? new Set(values.flatMap(({ listed }) => [...(listed ?? [])]))
      : null,
  };
}

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
    isRecord(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
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
