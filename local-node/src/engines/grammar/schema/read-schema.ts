import { isRecord } from "../../../is-record.ts";
import { LIMITS } from "../limits.ts";
import { type Automaton, AutomatonTooLarge } from "../strings/automaton.ts";
import { FORMAT_NAMES } from "../strings/formats.ts";
import { patternAutomaton, UnsupportedPattern } from "../strings/pattern.ts";
import { UnsupportedSchema } from "../unsupported-schema.ts";
import { resolvePointer } from "./resolve-pointer.ts";
import type { Schema, SchemaDocument, SchemaObject, TypeName } from "./schema.ts";

const TYPES: ReadonlySet<string> = new Set<TypeName>([
  "null",
  "boolean",
  "object",
  "array",
  "number",
  "integer",
  "string",
]);

/** How the value of a keyword is read. */
const KEYWORDS: Readonly<Record<string, keyof typeof READERS>> = {
  enum: "values",
  allOf: "schemas",
  anyOf: "schemas",
  oneOf: "schemas",
  not: "schema",
  if: "schema",
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: "schema",
  else: "schema",
  properties: "schemasByName",
  patternProperties: "schemasByName",
  additionalProperties: "schema",
  propertyNames: "schema",
  required: "names",
  minProperties: "count",
  maxProperties: "count",
  dependentRequired: "namesByName",
  dependentSchemas: "schemasByName",
  unevaluatedProperties: "schema",
  prefixItems: "schemas",
  items: "schema",
  minItems: "count",
  maxItems: "count",
  uniqueItems: "flag",
  contains: "schema",
  minContains: "count",
  maxContains: "count",
  unevaluatedItems: "schema",
  minLength: "count",
  maxLength: "count",
  pattern: "text",
  minimum: "number",
  maximum: "number",
  exclusiveMinimum: "number",
  exclusiveMaximum: "number",
  multipleOf: "positive",
};

/** Say nothing about the value. Definitions are read where a `$ref` leads to them. */
const ANNOTATIONS = new Set([
  "$schema",
  "$id",
  "id",
  "$comment",
  "$anchor",
  "$dynamicAnchor",
  "$vocabulary",
  "$defs",
  "definitions",
  "title",
  "description",
  "default",
  "examples",
  "example",
  "deprecated",
  "readOnly",
  "writeOnly",
  "contentEncoding",
  "contentMediaType",
  "contentSchema",
  "discriminator",
  "externalDocs",
  "xml",
]);

interface Place {
  path: string;
  depth: number;
}

type Fail = (message: string) => UnsupportedSchema;

/**
 * Checks a schema's keywords and brings older spellings into those of draft 2020-12: `definitions`, `items` as a list,
 * `dependencies`, boolean `exclusiveMinimum`, OpenAPI's `nullable`. Throws `UnsupportedSchema`.
 */
export function readSchema(source: unknown, options: { strict?: boolean } = {}): SchemaDocument {
  const strict = options.strict ?? false;
  const definitions = new Map<string, Schema>();
  const names = new Map<unknown, string>();
  const paths = new Map<SchemaObject, string>();
  const patterns = new Map<string, Automaton>();
  const pending: (() => void)[] = [];
  let count = 0;

  const read = (value: unknown, place: Place): Schema => {
    if (++count > LIMITS.schemas) throw tooMany(place.path, `more than ${LIMITS.schemas} subschemas`);
    if (place.depth > LIMITS.depth) throw tooMany(place.path, `more than ${LIMITS.depth} levels`);
    if (typeof value === "boolean") return value;
    if (!isRecord(value)) {
      throw new UnsupportedSchema({
        path: place.path,
        keyword: "",
        message: `${place.path} is no JSON Schema: write an object, true or false.`,
      });
    }
    const schema: Record<string, unknown> = {};
    for (const [keyword, given] of Object.entries(modernise(value))) {
      const reader = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword] : undefined;
      const fail = failAt(place.path, keyword);
      if (reader !== undefined) {
        schema[keyword] = READERS[reader](given, fail, (inner, ...steps) =>
          read(inner, {
            path: [place.path, keyword, ...steps].map(escapeStep).join("/"),
            depth: place.depth + 1,
          }),
        );
      } else if (keyword === "type") schema.type = readTypes(given, fail);
      else if (keyword === "const") schema.const = given;
      else if (keyword === "$ref") schema.$ref = readReference(given, fail);
      else if (keyword === "format") Object.assign(schema, readFormat(given, fail));
      else if (keyword === "$dynamicRef" || keyword === "$recursiveRef") {
        throw fail(`'${keyword}' at ${place.path} is not supported; use '$ref'.`);
      } else if (strict && !ANNOTATIONS.has(keyword) && !keyword.startsWith("x-")) {
        throw fail(
          `'${keyword}' at ${place.path} is no keyword that is known; leave it out, or send "strict": false.`,
        );
      }
    }
    if (Array.isArray(schema.enum) && schema.enum.length > LIMITS.enumValues) {
      throw failAt(place.path, "enum")(`'enum' at ${place.path} has more than ${LIMITS.enumValues} values.`);
    }
    readPatterns(schema, place.path);
    paths.set(schema, place.path);
    return schema;
  };

  const readPatterns = (schema: SchemaObject, path: string): void => {
    const found = [
      ...(schema.pattern === undefined ? [] : [["pattern", schema.pattern] as const]),
      ...Object.keys(schema.patternProperties ?? {}).map((name) => ["patternProperties", name] as const),
    ];
    for (const [keyword, pattern] of found) {
      if (!patterns.has(pattern)) patterns.set(pattern, readPattern(pattern, path, keyword));
    }
  };

  const readReference = (given: unknown, fail: Fail): string => {
    if (typeof given !== "string") throw fail("'$ref' must be a string.");
    const { value, path } = resolvePointer(source, given, fail);
    const known = names.get(value);
    if (known !== undefined && typeof value !== "boolean") return `#/$defs/${known}`;
    const name = `d${definitions.size}`;
    names.set(value, name);
    definitions.set(name, true);
    pending.push(() => definitions.set(name, read(value, { path, depth: 0 })));
    return `#/$defs/${name}`;
  };

  const readFormat = (given: unknown, fail: Fail): { format?: string } => {
    if (typeof given !== "string") throw fail("'format' must be a string.");
    if (FORMAT_NAMES.includes(given)) return { format: given };
    if (strict) {
      throw fail(
        `The format '${given}' is not enforced here; known are ${FORMAT_NAMES.join(", ")}. Leave it out, or send "strict": false.`,
      );
    }
    return {};
  };

  const root = read(source, { path: "#", depth: 0 });
  for (let task = pending.pop(); task !== undefined; task = pending.pop()) task();
  const document: SchemaDocument = {
    root,
    definitions,
    strict,
    patterns,
    pathOf: (schema) => paths.get(schema) ?? "#",
  };
  refuseEmptyCycles(document);
  return document;
}

type ReadInner = (inner: unknown, ...steps: string[]) => Schema;

const READERS = {
  schema: (value: unknown, _fail: Fail, read: ReadInner) => read(value),
  schemas(value: unknown, fail: Fail, read: ReadInner) {
    if (!Array.isArray(value) || value.length === 0) throw fail("must be a list of schemas, not empty.");
    return value.map((inner, index) => read(inner, String(index)));
  },
  schemasByName(value: unknown, fail: Fail, read: ReadInner) {
    if (!isRecord(value)) throw fail("must be an object of schemas.");
    return fromEntries(Object.entries(value).map(([name, inner]) => [name, read(inner, name)]));
  },
  names: (value: unknown, fail: Fail) => toNames(value, fail),
  namesByName(value: unknown, fail: Fail) {
    if (!isRecord(value)) throw fail("must be an object of lists of names.");
    return fromEntries(Object.entries(value).map(([name, inner]) => [name, toNames(inner, fail)]));
  },
  values(value: unknown, fail: Fail) {
    if (!Array.isArray(value)) throw fail("must be a list of values.");
    return value;
  },
  count(value: unknown, fail: Fail) {
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
      throw fail("must be a whole number of 0 or more.");
    }
    return value;
  },
  number(value: unknown, fail: Fail) {
    if (typeof value !== "number" || !Number.isFinite(value)) throw fail("must be a number.");
    return value;
  },
  positive(value: unknown, fail: Fail) {
    if (typeof value !== "number" || !(value > 0)) throw fail("must be a number above 0.");
    return value;
  },
  flag(value: unknown, fail: Fail) {
    if (typeof value !== "boolean") throw fail("must be true or false.");
    return value;
  },
  text(value: unknown, fail: Fail) {
    if (typeof value !== "string") throw fail("must be a string.");
    return value;
  },
} as const;

function toNames(value: unknown, fail: Fail): string[] {
  if (!Array.isArray(value) || !value.every((name) => typeof name === "string")) {
    throw fail("must be a list of property names.");
  }
  return [...new Set<string>(value)];
}

function readTypes(value: unknown, fail: Fail): TypeName[] {
  const types: unknown[] = Array.isArray(value) ? value : [value];
  const unknown = types.find((type) => typeof type !== "string" || !TYPES.has(type));
  if (types.length === 0 || unknown !== undefined) {
    throw fail(
      `The type ${JSON.stringify(unknown ?? value)} is none of JSON Schema; there are ${[...TYPES].join(", ")}.`,
    );
  }
  return types as TypeName[];
}

function readPattern(source: string, path: string, keyword: string): Automaton {
  try {
    return patternAutomaton(source);
  } catch (error) {
    if (!(error instanceof UnsupportedPattern || error instanceof AutomatonTooLarge)) throw error;
    const why =
      error instanceof UnsupportedPattern
        ? error.message
        : `needs more than ${LIMITS.automatonStates} states`;
    throw failAt(
      path,
      keyword,
    )(
      `'${keyword}' at ${path}: the pattern ${JSON.stringify(source)} ${why}. Write it without, or check it in your own code.`,
    );
  }
}

/** Older spellings, in those of draft 2020-12. */
function modernise(source: Record<string, unknown>): Record<string, unknown> {
  const { additionalItems, dependencies, nullable, ...schema } = source;
  if (Array.isArray(schema.items)) {
    schema.prefixItems = schema.items;
    if (schema.prefixItems !== undefined && schema.items.length === 0) delete schema.prefixItems;
    delete schema.items;
    if (additionalItems !== undefined) schema.items = additionalItems;
  }
  if (isRecord(dependencies)) {
    const [lists, schemas] = [true, false].map((list) =>
      fromEntries(Object.entries(dependencies).filter(([, value]) => Array.isArray(value) === list)),
    );
    schema.dependentRequired = { ...lists, ...asRecord(schema.dependentRequired) };
    schema.dependentSchemas = { ...schemas, ...asRecord(schema.dependentSchemas) };
  } else if (dependencies !== undefined) schema.dependentSchemas = dependencies;
  for (const [flag, bound] of [
    ["exclusiveMinimum", "minimum"],
    ["exclusiveMaximum", "maximum"],
  ] as const) {
    if (typeof schema[flag] !== "boolean") continue;
    if (schema[flag]) {
      schema[flag] = schema[bound];
      delete schema[bound];
    } else delete schema[flag];
  }
  if (nullable === true) {
    if (schema.type !== undefined) schema.type = [...[schema.type].flat(), "null"];
    if (Array.isArray(schema.enum)) schema.enum = [...schema.enum, null];
    if ("const" in schema) {
      schema.enum = [schema.const, null];
      delete schema.const;
    }
  }
  return schema;
}

/** A schema that applies itself to the same value again, as `{"$ref": "#"}` at the root does, has no meaning. */
function refuseEmptyCycles(document: SchemaDocument): void {
  const done = new Set<SchemaObject>();
  const open = new Set<SchemaObject>();
  const visit = (schema: Schema | undefined): void => {
    if (typeof schema !== "object" || done.has(schema)) return;
    if (open.size > LIMITS.depth) {
      throw tooMany(
        document.pathOf(schema),
        `more than ${LIMITS.depth} references and combinations for one value`,
      );
    }
    if (open.has(schema)) {
      throw failAt(
        document.pathOf(schema),
        "$ref",
      )(
        `The schema at ${document.pathOf(schema)} refers to itself for the same value; put the reference below a property or an item.`,
      );
    }
    open.add(schema);
    if (schema.$ref !== undefined) visit(definitionOf(document, schema.$ref));
    for (const inner of [
      ...(schema.allOf ?? []),
      ...(schema.anyOf ?? []),
      ...(schema.oneOf ?? []),
      ...Object.values(schema.dependentSchemas ?? {}),
      schema.not,
      schema.if,
      schema.then,
      schema.else,
    ]) {
      visit(inner);
    }
    open.delete(schema);
    done.add(schema);
  };
  visit(document.root);
  for (const schema of document.definitions.values()) visit(schema);
  // What stands below properties and items is reached by those that name it; cycles need a `$ref`, and thereby a definition.
}

/** The schema that a `$ref` of this document means. */
export function definitionOf(document: SchemaDocument, reference: string): Schema {
  return document.definitions.get(reference.slice("#/$defs/".length)) ?? true;
}

function failAt(path: string, keyword: string): Fail {
  return (message) =>
    new UnsupportedSchema({
      path,
      keyword,
      message: message.startsWith("must ") ? `'${keyword}' at ${path} ${message}` : message,
    });
}

function tooMany(path: string, what: string): UnsupportedSchema {
  return new UnsupportedSchema({
    path,
    keyword: "",
    message: `The schema has ${what}; give the parts that repeat one place in $defs, or ask for less at once.`,
  });
}

function escapeStep(step: string, index: number): string {
  return index === 0 ? step : step.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** Also with a property named `__proto__`. */
function fromEntries<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}

function asRecord(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}
