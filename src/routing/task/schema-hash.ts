import { isObject } from "../../dialects/json.ts";
import { add, addText, EMPTY, type Hash } from "./hash.ts";

/** Words about a schema, which frameworks fill with what they like; they say nothing of the form. */
const WORDS = new Set(["$comment", "default", "description", "example", "examples", "title"]);

/** Members of these are named by the schema's author: a field may be called `title`. */
const NAMED = new Set(["$defs", "definitions", "properties", "patternProperties", "dependentSchemas"]);

const MAX_DEPTH = 32;

/** Of a JSON Schema's form: the order of its fields and its descriptions do not count. */
export function schemaHash(schema: unknown): Hash {
  return addValue(EMPTY, schema, false, 0);
}

function addValue(hash: Hash, value: unknown, named: boolean, depth: number): Hash {
  if (depth > MAX_DEPTH) return add(hash, 0);
  if (Array.isArray(value))
    return value.reduce<Hash>(
      (sum, each) => addValue(sum, each, false, depth + 1),
      add(hash, 1 + value.length),
    );
  if (!isObject(value)) return addText(add(hash, typeof value === "string" ? 2 : 3), String(value));
  const names = Object.keys(value)
    .filter((name) => named || !WORDS.has(name))
    .sort();
  return names.reduce(
    (sum, name) => addValue(addText(sum, name), value[name], !named && NAMED.has(name), depth + 1),
    add(hash, -1 - names.length),
  );
}
