import { isObject, type Json, parseJson } from "../../dialects/json.ts";
import { safePattern } from "./safe-pattern.ts";
import { resolveRef } from "./schema-refs.ts";

const MAX_NODES = 5_000;
const MAX_DEPTH = 64;
/** `uniqueItems` compares every pair. */
const MAX_UNIQUE_ITEMS = 1_000;

/** What the answer is made of: some keywords cost more than they are worth on a large one. */
export interface InstanceSize {
  longestText: number;
  longestList: number;
}

/** A schema that can be validated against, and the parts of the caller's that were left out (JSON pointers). */
export interface UsableSchema {
  schema: Json | boolean;
  unchecked: string[];
}

/** Whether a schema describes a tool's arguments, or the text of an answer, which is taken to the letter. */
export type SchemaRole = "arguments" | "text";

const TYPES = new Set(["array", "boolean", "integer", "null", "number", "object", "string"]);
/** Of the formats only those that every implementation reads alike: JSON Schema makes `format` an annotation (2020-12, Validation 7.2.1). */
const FORMATS = new Set(["date", "email", "ipv4", "ipv6", "uuid"]);

const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;
const isNumber = (value: unknown): boolean => typeof value === "number";
const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((each) => typeof each === "string");

/** Keywords with plain values, and what the value must be. */
const PLAIN: Record<string, (value: unknown, size: InstanceSize) => boolean> = {
  type: (value) => [value].flat().every((each) => typeof each === "string" && TYPES.has(each)),
  const: () => true,
  enum: Array.isArray,
  required: isTexts,
  format: (value) => typeof value === "string",
  pattern: (value, { longestText }) => typeof value === "string" && safePattern(value, longestText),
  minLength: isCount,
  maxLength: isCount,
  minItems: isCount,
  maxItems: isCount,
  minContains: isCount,
  maxContains: isCount,
  minProperties: isCount,
  maxProperties: isCount,
  minimum: isNumber,
  maximum: isNumber,
  exclusiveMinimum: isNumber,
  exclusiveMaximum: isNumber,
  multipleOf: (value) => typeof value === "number" && value > 0,
  uniqueItems: (value, { longestList }) => typeof value === "boolean" && longestList <= MAX_UNIQUE_ITEMS,
  dependentRequired: (value) => isObject(value) && Object.values(value).every(isTexts),
};

const ONE = new Set([
  "additionalItems",
  "additionalProperties",
  "contains",
  "else",
  "if",
  "items",
  "not",
  "propertyNames",
  "then",
  "unevaluatedItems",
  "unevaluatedProperties",
]);
const LISTS = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const MAPS = new Set(["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"]);
/** Assertions of JSON Schema that are not held against answers; anything else that is unknown says nothing about a value. */
const NOT_SUPPORTED = new Set(["$anchor", "$dynamicRef", "$recursiveRef", "dependencies"]);

const TYPE_TESTS: Record<string, (value: unknown) => boolean> = {
  array: Array.isArray,
  boolean: (value) => typeof value === "boolean",
  integer: Number.isInteger,
  null: (value) => value === null,
  number: isNumber,
  object: isObject,
  string: (value) => typeof value === "string",
};

const hasType = (value: unknown, types: readonly unknown[]): boolean =>
  types.length === 0 || types.some((type) => TYPE_TESTS[String(type)]?.(value) === true);

/** OpenAPI 3.0 and draft 4 in the words of 2020-12: callers send what their frameworks wrote. */
function modern(given: Json): Json {
  const schema = { ...given };
  if (schema.nullable === true && schema.type !== undefined) {
    schema.type = [schema.type, "null"].flat();
    if (Array.isArray(schema.enum)) schema.enum = [...schema.enum, null];
  }
  for (const [exclusive, bound] of [
    ["exclusiveMinimum", "minimum"],
    ["exclusiveMaximum", "maximum"],
  ] as const) {
    if (schema[exclusive] === true) {
      schema[exclusive] = schema[bound];
      delete schema[bound];
    } else if (schema[exclusive] === false) delete schema[exclusive];
  }
  return satisfiable(schema);
}

/**
 * An enum none of whose members has the type beside it lets nothing pass. On a list it is meant for the items; elsewhere
 * nobody can say which of the two was meant, and the type stands (`enum` becomes a value that is reported as not usable).
 */
function satisfiable(schema: Json): Json {
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (!Array.isArray(schema.enum) || schema.enum.some((value) => hasType(value, types))) return schema;
  const { enum: members, items, ...rest } = schema;
  if (types.includes("array") && (items === undefined || isObject(items)))
    return { ...rest, items: { enum: members, ...items } };
  return { ...schema, enum: UNSATISFIABLE };
}

const UNSATISFIABLE = Symbol("an enum of another type");

/** Booleans and numbers whose spelling an enum of texts lists. */
function spelled(schema: unknown): unknown[] {
  if (!isObject(schema) || !Array.isArray(schema.enum)) return [];
  const values = schema.enum.map((text) => (typeof text === "string" ? parseJson(text.toLowerCase()) : null));
  return values.filter((value) => typeof value === "boolean" || typeof value === "number");
}

/** What each member may be beside what its schema says. */
function asArguments(copied: Json, given: unknown, required: unknown): Json {
  const mustBe = new Set(Array.isArray(required) ? required : []);
  const described = isObject(given) ? given : {};
  return Object.fromEntries(
    Object.entries(copied).map(([name, schema]) => {
      const { [name]: original } = described;
      const other: unknown[] =
        isObject(original) && "default" in original ? [{ const: original.default }] : [];
      if (!mustBe.has(name)) other.push({ type: "null" });
      const scalars = spelled(original);
      if (scalars.length > 0) other.push({ enum: scalars });
      return [name, other.length === 0 ? schema : { anyOf: [schema, ...other] }];
    }),
  );
}

/**
 * The caller's schema, copied, with what a validator can use: known keywords with values of the right kind, references
 * that lead somewhere inside it, patterns that cannot run away. The rest is named in `unchecked`. Null for a schema
 * beyond all measure (5,000 parts, 64 levels), which nothing is held against.
 *
 * Of a tool's arguments, null stands for one that may be left out, one may have the value that its schema names as its
 * default, and a boolean or a number may stand where the schema lists its spelling ("True"): so do tools read their arguments.
 */
export function usableSchema(
  given: Json,
  { size, role }: { size: InstanceSize; role: SchemaRole },
): UsableSchema | null {
  const unchecked: string[] = [];
  let nodes = 0;
  let tooLarge = false;

  const copyAny = (value: unknown, at: string, depth: number): Json | boolean => {
    nodes++;
    if (nodes > MAX_NODES || depth > MAX_DEPTH) {
      tooLarge = true;
      return true;
    }
    if (typeof value === "boolean") return value;
    if (isObject(value)) return copy(value, at, depth);
    unchecked.push(at);
    return true;
  };
  const copyList = (values: unknown, at: string, depth: number): unknown =>
    Array.isArray(values) ? values.map((value, index) => copyAny(value, `${at}/${index}`, depth)) : skip(at);
  const copyMap = (values: unknown, at: string, depth: number): unknown => {
    if (!isObject(values)) return skip(at);
    const usable = Object.entries(values).filter(
      ([name]) =>
        !at.endsWith("/patternProperties") ||
        safePattern(name, size.longestText) ||
        skip(`${at}/${name}`) !== undefined,
    );
    return Object.fromEntries(usable.map(([name, value]) => [name, copyAny(value, `${at}/${name}`, depth)]));
  };
  const skip = (at: string): undefined => {
    unchecked.push(at);
  };
  const copyKeyword = (keyword: string, value: unknown, at: string, depth: number): unknown => {
    if (keyword === "items" && Array.isArray(value)) return copyList(value, at, depth);
    if (ONE.has(keyword)) return copyAny(value, at, depth);
    if (LISTS.has(keyword)) return copyList(value, at, depth);
    if (MAPS.has(keyword)) return copyMap(value, at, depth);
    if (keyword === "$ref") return typeof value === "string" && leads(value) ? value : skip(at);
    if (keyword === "format") return FORMATS.has(String(value)) ? value : undefined;
    const fits = Object.hasOwn(PLAIN, keyword) ? PLAIN[keyword] : undefined;
    if (fits !== undefined) return fits(value, size) ? value : skip(at);
    return NOT_SUPPORTED.has(keyword) ? skip(at) : undefined;
  };
  const copy = (schema: Json, at: string, depth: number): Json => {
    const entries = Object.entries(modern(schema))
      .map(
        ([keyword, value]) => [keyword, copyKeyword(keyword, value, `${at}/${keyword}`, depth + 1)] as const,
      )
      .filter(([, value]) => value !== undefined);
    const copied = Object.fromEntries(entries);
    if (role === "arguments" && isObject(copied.properties))
      copied.properties = asArguments(copied.properties, schema.properties, copied.required);
    return copied;
  };
  /** References are resolved in the copy, so they must go where copied things are: through keywords that are kept. */
  const leads = (ref: string): boolean => {
    if (ref === "#") return true;
    const [, first = ""] = ref.split("/");
    return (ONE.has(first) || LISTS.has(first) || MAPS.has(first)) && isObject(resolveRef(given, ref));
  };

  const schema = copy(given, "", 0);
  return tooLarge ? null : { schema, unchecked };
}
