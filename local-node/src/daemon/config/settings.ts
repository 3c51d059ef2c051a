import { z } from "zod";
import { configSchema } from "./schema.ts";

/** One value of the configuration, wherever it is set. */
export interface Setting {
  /** Its keys, joined by points: `engines.embedded.model`. */
  path: string;
  description: string;
  /** `tables`: a list of tables, `[[path]]` in TOML. */
  kind: "text" | "value" | "tables";
  /** Undefined: none; the value is then found out elsewhere. */
  fallback: unknown;
  example: unknown;
  /** The variable that wins over the file. */
  variable: string;
}

/** A table of the file with what it is about. */
export interface Table {
  path: string;
  description: string | null;
  settings: Setting[];
}

interface JsonSchema {
  type?: string;
  enum?: unknown[];
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  description?: string;
  default?: unknown;
  examples?: unknown[];
}

/** Variables that have had another name than the rule gives. */
const KNOWN_VARIABLES: Record<string, string> = {
  "engines.embedded.model": "ROUTELET_MODEL",
  "cache.quota": "ROUTELET_CACHE_QUOTA",
};

/** What the variables of settings begin with. */
export const VARIABLE_PREFIX = "ROUTELET_NODE_";

/** For editors and checkers: what the configuration file may contain (JSON Schema 2020-12). */
export function configJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(configSchema, { io: "input" });
}

/** Every table of the file in order, the root (`path` "") first. */
export const TABLES: readonly Table[] = tablesOf(configJsonSchema(), []);

export const SETTINGS: readonly Setting[] = TABLES.flatMap((table) => table.settings);

function tablesOf(schema: JsonSchema, keys: string[]): Table[] {
  const entries = Object.entries(schema.properties ?? {});
  const isTable = (one: JsonSchema) => one.properties !== undefined;
  const own: Table = {
    path: keys.join("."),
    description: schema.description ?? null,
    settings: entries
      .filter(([, property]) => !isTable(property))
      .map(([name, property]) => settingOf(property, [...keys, name])),
  };
  const below = entries
    .filter(([, property]) => isTable(property))
    .flatMap(([name, property]) => tablesOf(property, [...keys, name]));
  return own.settings.length === 0 ? below : [own, ...below];
}

function settingOf(schema: JsonSchema, keys: string[]): Setting {
  const path = keys.join(".");
  const isText = schema.type === "string" || schema.enum?.every((value) => typeof value === "string");
  return {
    path,
    description: schema.description ?? "",
    kind: isText ? "text" : schema.items?.properties !== undefined ? "tables" : "value",
    fallback: schema.default,
    example: schema.examples?.[0] ?? schema.default,
    variable: KNOWN_VARIABLES[path] ?? VARIABLE_PREFIX + snakeCase(keys),
  };
}

/** `engines.embedded.contextTokens` is `ENGINES_EMBEDDED_CONTEXT_TOKENS`. */
function snakeCase(keys: string[]): string {
  return keys.map((key) => key.replace(/[A-Z]/g, "_$&").toUpperCase()).join("_");
}

/** What stands at a path; undefined where nothing does. */
export function valueAt(root: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (value, key) =>
        typeof value === "object" && value !== null && Object.hasOwn(value, key)
          ? (value as Record<string, unknown>)[key]
          : undefined,
      root,
    );
}

/** A copy of `root` with a value at a path; tables on the way are made. */
export function withValue(
  root: Record<string, unknown>,
  path: string,
  value: unknown,
): Record<string, unknown> {
  const [key = "", ...rest] = path.split(".");
  if (rest.length === 0) return { ...root, [key]: value };
  const inner = root[key];
  const table = typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>) : {};
  return { ...root, [key]: withValue(table, rest.join("."), value) };
}
