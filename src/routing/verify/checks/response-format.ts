import { isObject, parseJson } from "../../../dialects/json.ts";
import type { Asked, Checked, SlmAnswer } from "../answer.ts";
import { validateJson } from "../json-schema.ts";

/** Text that must be JSON is JSON, and as its schema says. An answer that calls tools, or refuses, owes no text. */
export function checkResponseFormat(asked: Asked, answer: SlmAnswer): Checked {
  if (asked.format === null || answer.refusal !== null) return { findings: [] };
  if (answer.calls.length > 0 && answer.text.trim() === "") return { findings: [] };
  const value = parseJson(answer.text);
  const { schema } = asked.format;
  if (value === undefined || (schema === null && !isObject(value)))
    return { findings: [{ code: "invalid_json", path: "text" }] };
  return schema === null ? { findings: [] } : validateJson(schema, value, { path: "text", role: "text" });
}
