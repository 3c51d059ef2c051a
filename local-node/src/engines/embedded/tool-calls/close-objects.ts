import { isRecord } from "../../../is-record.ts";

type Schema = Record<string, unknown>;

/** With one of these, what an object may hold is said in several places. */
const COMBINING = ["allOf", "anyOf", "oneOf", "$ref", "if", "patternProperties", "not"];

/**
 * The same schema, where objects that list their properties have no others, unless it says something about others.
 * JSON Schema allows them; a tool that lists its arguments has no use for more, and a small model that may write more
 * does not find an end. What satisfies the result satisfies the schema.
 */
export function closeObjects(schema: Schema): Schema {
  const closed: Schema = { ...schema };
  if (isRecord(schema.properties)) {
    closed.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([key, value]) => [
        key,
        isRecord(value) ? closeObjects(value) : value,
      ]),
    );
    const listsAll =
      Object.keys(schema.properties).length > 0 && !COMBINING.some((keyword) => keyword in schema);
    if (listsAll && !("additionalProperties" in schema) && !("unevaluatedProperties" in schema)) {
      closed.additionalProperties = false;
    }
  }
  if (isRecord(schema.items)) closed.items = closeObjects(schema.items);
  return closed;
}
