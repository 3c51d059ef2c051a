import { isObject, type Json } from "../../dialects/json.ts";
import { resolveRef } from "./schema-refs.ts";

const SAME_VALUE = ["not", "if", "then", "else"] as const;
const SAME_VALUE_LISTS = ["allOf", "anyOf", "oneOf"] as const;
const CHILDREN = [
  "additionalItems",
  "additionalProperties",
  "contains",
  "items",
  "propertyNames",
  "unevaluatedItems",
  "unevaluatedProperties",
] as const;

const some = (values: unknown): unknown[] =>
  Array.isArray(values) ? values : isObject(values) ? Object.values(values) : [];

/** The subschemas that are held against the value itself, and those against what is in it. */
function parts(root: Json, schema: Json): { same: unknown[]; inner: unknown[] } {
  const same = [
    ...SAME_VALUE.map((keyword) => schema[keyword]),
    ...SAME_VALUE_LISTS.flatMap((keyword) => some(schema[keyword])),
    ...some(schema.dependentSchemas),
    typeof schema.$ref === "string" ? resolveRef(root, schema.$ref) : undefined,
  ];
  const inner = [
    ...CHILDREN.flatMap((keyword) => schema[keyword]),
    ...some(schema.prefixItems),
    ...some(schema.properties),
    ...some(schema.patternProperties),
  ];
  return { same: same.filter(isObject), inner: inner.filter(isObject) };
}

/**
 * How often at most a validator looks at one value and what is in it, down to so many levels: references that name each
 * other twice double at every step (the "billion laughs" of XML). Infinity where references go round without moving
 * on to a smaller value.
 */
export function schemaCost(root: Json, levels: number): number {
  const known = new Map<Json, (number | "under way")[]>();
  const cost = (schema: Json, left: number): number => {
    const costs = known.get(schema) ?? [];
    known.set(schema, costs);
    const seen = costs[left];
    if (seen !== undefined) return seen === "under way" ? Infinity : seen;
    costs[left] = "under way";
    const { same, inner } = parts(root, schema);
    let sum = 1;
    for (const part of same) sum += cost(part as Json, left);
    if (left > 0) for (const part of inner) sum += cost(part as Json, left - 1);
    costs[left] = sum;
    return sum;
  };
  return cost(root, levels);
}
