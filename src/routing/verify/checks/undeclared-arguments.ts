import { isObject, type Json } from "../../../dialects/json.ts";
import { resolveRef } from "../schema-refs.ts";

/** Keywords whose subschemas speak of the same object. */
const SAME_OBJECT = ["allOf", "anyOf", "oneOf", "if", "then", "else"] as const;

/** The names that a schema declares for an object; null when it lets any name pass, or says nothing of names. */
function declaredNames(root: Json, schema: unknown, seen: Set<unknown>): Set<string> | null {
  if (!isObject(schema) || seen.has(schema)) return new Set();
  seen.add(schema);
  if (schema.additionalProperties !== undefined && schema.additionalProperties !== false) return null;
  if (isObject(schema.patternProperties)) return null;
  const names = new Set(isObject(schema.properties) ? Object.keys(schema.properties) : []);
  const parts: unknown[] = SAME_OBJECT.flatMap((keyword) => schema[keyword]);
  if (typeof schema.$ref === "string") parts.push(resolveRef(root, schema.$ref));
  for (const part of parts) {
    const more = declaredNames(root, part, seen);
    if (more === null) return null;
    for (const name of more) names.add(name);
  }
  return names;
}

/**
 * Arguments that a tool's schema does not know. JSON Schema lets an object have more than its `properties` unless
 * `additionalProperties` is false; a tool does not: what its schema does not declare, its code does not read. A schema
 * that declares nothing at all, or that admits further names in so many words, is taken at its word.
 */
export function undeclaredArguments(parameters: Json, value: Json): string[] {
  const declared = declaredNames(parameters, parameters, new Set());
  if (declared === null || (declared.size === 0 && !isObject(parameters.properties))) return [];
  return Object.keys(value).filter((name) => !declared.has(name));
}
