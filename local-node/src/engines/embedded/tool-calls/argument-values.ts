import { isRecord } from "../../../is-record.ts";
import { resolvePointer } from "../../grammar/schema/resolve-pointer.ts";
import { UnsupportedSchema } from "../../grammar/unsupported-schema.ts";

export type JsonType = "string" | "number" | "boolean" | "null" | "object" | "array";

type Schema = Record<string, unknown>;

const ALL_TYPES: readonly JsonType[] = ["string", "number", "boolean", "null", "object", "array"];
const MAX_DEPTH = 8;

/** The types that a tool's schema allows an argument to have; where it does not say, all. */
export function typesOfValue(parameters: Schema, key: string): ReadonlySet<JsonType> {
  const properties = isRecord(parameters.properties) ? parameters.properties : {};
  return Object.hasOwn(properties, key) ? typesOfSchema(properties[key], parameters) : new Set(ALL_TYPES);
}

/** `root`: where its references lead. */
export function typesOfSchema(schema: unknown, root: Schema): ReadonlySet<JsonType> {
  return new Set(typesOf(schema, root, 0));
}

function typesOf(schema: unknown, root: Schema, depth: number): readonly JsonType[] {
  if (!isRecord(schema) || depth > MAX_DEPTH) return ALL_TYPES;
  if (Array.isArray(schema.enum)) return schema.enum.map(typeOfValue);
  if ("const" in schema) return [typeOfValue(schema.const)];
  const own = typesOfKeyword(schema.type);
  const stated = schema.nullable === true && own !== null ? [...own, "null" as const] : own;
  if (stated !== null) return stated;
  for (const keyword of ["anyOf", "oneOf"]) {
    const ways = schema[keyword];
    if (Array.isArray(ways)) return ways.flatMap((way) => typesOf(way, root, depth + 1));
  }
  if (typeof schema.$ref === "string") return typesOf(resolve(schema.$ref, root), root, depth + 1);
  if (Array.isArray(schema.allOf)) {
    const parts = schema.allOf.map((part) => typesOf(part, root, depth + 1));
    return ALL_TYPES.filter((type) => parts.every((types) => types.includes(type)));
  }
  if (isRecord(schema.properties)) return ["object"];
  return "items" in schema ? ["array"] : ALL_TYPES;
}

function typesOfKeyword(type: unknown): JsonType[] | null {
  if (type === undefined) return null;
  return (Array.isArray(type) ? type : [type]).flatMap((each): JsonType[] => {
    if (each === "integer") return ["number"];
    return ALL_TYPES.filter((known) => known === each);
  });
}

function typeOfValue(value: unknown): JsonType {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return ALL_TYPES.find((type) => type === typeof value) ?? "object";
}

export function isText(types: ReadonlySet<JsonType>): boolean {
  return types.has("string") && types.size === 1;
}

/** What a `$ref` leads to in the same schema; undefined: nothing. */
export function resolve(reference: string, root: Schema): unknown {
  try {
    return resolvePointer(
      root,
      reference,
      (message) => new UnsupportedSchema({ path: "#", keyword: "$ref", message }),
    ).value;
  } catch {
    return undefined; // the grammar's reader says what is wrong with it
  }
}

const WORDS: Record<string, string> = { True: "true", False: "false", None: "null" };

/** A value that a model wrote without quotes, as JSON of one of these types: where it is none of them, as a text. */
export function toJsonValue(written: string, types: ReadonlySet<JsonType>): string {
  const trimmed = written.trim();
  const text = Object.hasOwn(WORDS, trimmed) ? (WORDS[trimmed] ?? "") : trimmed;
  try {
    const type = typeOfValue(JSON.parse(text));
    if (types.has(type) && !(type === "string" && types.size > 1)) return text;
  } catch {
    // no JSON: a text
  }
  return JSON.stringify(written);
}

/** A part of a text as it stands inside of a JSON string. */
export function escapeJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
