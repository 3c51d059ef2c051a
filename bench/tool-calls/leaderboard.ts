import { isObject, type Json } from "../../src/dialects/json.ts";
import { emptyRequest, type ModelRequest } from "../../src/dialects/model-request.ts";
import { readRecords } from "../lib/data.ts";
import type { BenchOptions } from "../lib/report.ts";

// The Berkeley Function-Calling Leaderboard's files, in the forms of JSON Schema and of the gateway.

/** An item: per call of `expected`, the accepted values of each argument ("" among them: it may be left out). */
export interface Item {
  id: string;
  messages: { role: "system" | "user" | "assistant"; content: string }[];
  functions: { name: string; description: string; parameters: Json }[];
  expected: Record<string, Record<string, unknown[]>>[];
}

export const WITH_CALLS = [
  "simple_python",
  "multiple",
  "parallel",
  "parallel_multiple",
  "live_simple",
  "live_multiple",
] as const;
export const WITHOUT_CALLS = ["irrelevance", "live_irrelevance"] as const;

export const readItems = (options: BenchOptions, set: string): Item[] =>
  readRecords<Item>(options, `tool-calls/bfcl-${set}.jsonl`);

/** The leaderboard's words for types, which are Python's. */
const TYPES: Record<string, string | null> = { dict: "object", float: "number", tuple: "array", any: null };

/** A parameter's description in the leaderboard's words as JSON Schema. */
export function jsonSchemaOf(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(jsonSchemaOf);
  if (!isObject(given)) return given;
  const entries = Object.entries(given).flatMap(([keyword, value]): [string, unknown][] => {
    if (keyword === "type" && typeof value === "string" && Object.hasOwn(TYPES, value)) {
      const type = TYPES[value];
      return type == null ? [] : [[keyword, type]];
    }
    if (keyword === "properties" && isObject(value))
      return [
        [
          keyword,
          Object.fromEntries(Object.entries(value).map(([name, each]) => [name, jsonSchemaOf(each)])),
        ],
      ];
    // `required` says the same, and JSON Schema knows no such keyword.
    if (keyword === "optional") return [];
    return [[keyword, keyword === "items" ? jsonSchemaOf(value) : value]];
  });
  return Object.fromEntries(entries);
}

export function requestOf(item: Item): ModelRequest {
  return {
    ...emptyRequest(),
    messages: item.messages.map(({ role, content }) => ({
      role,
      content: [{ type: "text", text: content }],
    })),
    tools: item.functions.map(({ name, description, parameters }) => ({
      name,
      description,
      parameters: jsonSchemaOf(parameters) as Json,
      strict: null,
    })),
  };
}

const PYTHON_TYPES: Record<string, (value: unknown) => boolean> = {
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  integer: Number.isInteger,
  float: (value) => typeof value === "number",
  array: Array.isArray,
  tuple: Array.isArray,
  dict: isObject,
};

/**
 * One of the accepted values: the first of the declared type, as the leaderboard's own checker wants it. An argument
 * that may be left out and has none, or that the tool does not declare, is left out (undefined). No value at all is the
 * labels' way to write an empty list.
 */
function acceptedValue(accepted: readonly unknown[], schema: unknown): unknown {
  if (accepted.length === 0) return [];
  const values = accepted.filter((value) => value !== "");
  const type = isObject(schema) ? PYTHON_TYPES[String(schema.type)] : undefined;
  const typed = isObject(schema) ? values.find((value) => type?.(value) ?? true) : undefined;
  if (typed !== undefined) return plain(typed, schema);
  return values.length < accepted.length ? undefined : plain(values[0], schema);
}

/** Within an accepted value the members of an object are lists of accepted values again. */
function plain(value: unknown, schema: unknown): unknown {
  const described = isObject(schema) ? schema : {};
  if (Array.isArray(value)) return value.map((each) => plain(each, described.items));
  if (!isObject(value)) return value;
  const properties = isObject(described.properties) ? described.properties : {};
  const members = Object.entries(value).map(([name, accepted]) => [
    name,
    Array.isArray(accepted)
      ? acceptedValue(accepted, properties[name] ?? {})
      : plain(accepted, properties[name]),
  ]);
  return Object.fromEntries(members.filter(([, member]) => member !== undefined));
}

/** A call of a tool with its arguments as a value. */
export interface ToolCall {
  name: string;
  arguments: Json;
}

/** The calls that the leaderboard takes for right. */
export function correctCalls(item: Item): ToolCall[] {
  return item.expected.flatMap((call) =>
    Object.entries(call).map(([name, accepted]) => {
      const properties = item.functions.find((tool) => tool.name === name)?.parameters.properties;
      const declared: Json = isObject(properties) ? properties : {};
      const values = Object.entries(accepted)
        .map(([argument, each]) => [argument, acceptedValue(each, declared[argument])])
        .filter(([, value]) => value !== undefined);
      return { name, arguments: Object.fromEntries(values) as Json };
    }),
  );
}
