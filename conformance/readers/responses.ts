import { count, isJsonObject, isObject, type Json, nothingSaid, objects, type Said, text } from "../said.ts";
import { readOpenAiError } from "./openai-error.ts";
import { type Rules, rules } from "./rules.ts";

/** What OpenAI's own type of a response has without fail. */
const FIELDS = [
  "id",
  "created_at",
  "error",
  "incomplete_details",
  "instructions",
  "metadata",
  "model",
  "object",
  "output",
  "parallel_tool_calls",
  "status",
  "temperature",
  "tool_choice",
  "tools",
  "top_p",
];

const STATUSES = new Set(["completed", "incomplete", "failed", "in_progress", "cancelled", "queued"]);

/** What a response object must have, whatever stage it is in. */
export function checkResponseObject(body: Json, { expect }: Rules): void {
  const missing = FIELDS.filter((field) => !(field in body));
  expect(0, missing.length === 0, `the response lacks ${missing.join(", ")}`);
  expect(0, body.object === "response", `object is ${String(body.object)}`);
  expect(0, STATUSES.has(text(body.status)), `status is ${String(body.status)}`);
  expect(0, count(body.created_at) > 0, "no time of creation");
}

function readPart(part: Json, said: Said, { expect }: Rules): void {
  if (part.type === "output_text") {
    said.text += text(part.text);
    expect(0, Array.isArray(part.annotations), "output_text without annotations");
  } else if (part.type === "refusal") said.text += text(part.refusal);
  else expect(0, false, `a content part of type ${String(part.type)}`);
}

/** Reads one item of the output. */
export function readItem(item: Json, said: Said, held: Rules): void {
  const { expect } = held;
  expect(0, text(item.id) !== "", `an item of type ${String(item.type)} without an id`);
  if (item.type === "message") {
    expect(0, item.role === "assistant", "a message whose role is not assistant");
    expect(0, text(item.status) !== "", "a message without a status");
    for (const part of objects(item.content)) readPart(part, said, held);
  } else if (item.type === "reasoning") {
    expect(0, Array.isArray(item.summary), "reasoning without a summary");
    for (const part of [...objects(item.summary), ...objects(item.content)])
      said.reasoning += text(part.text);
  } else if (item.type === "function_call") {
    const words = text(item.arguments);
    expect(11, text(item.call_id) !== "", "a function call without a call_id");
    expect(11, text(item.name) !== "", "a function call without a name");
    expect(12, isJsonObject(words), `arguments that are no JSON object in a string: ${words.slice(0, 60)}`);
    said.calls.push({ id: text(item.call_id), name: text(item.name), arguments: words });
  }
}

function readUsage(usage: unknown, { expect }: Rules): Said["usage"] {
  if (!isObject(usage)) return null;
  const details = isObject(usage.input_tokens_details) ? usage.input_tokens_details : null;
  expect(8, details !== null, "usage without input_tokens_details");
  expect(8, isObject(usage.output_tokens_details), "usage without output_tokens_details");
  const [input, output] = [count(usage.input_tokens), count(usage.output_tokens)];
  expect(8, usage.total_tokens === input + output, "total_tokens is not the sum of both");
  return { input, cached: count(details?.cached_tokens), output };
}

/** Reads a whole response (OpenAI API reference, "The response object"). */
export function readResponse(body: Json): Said {
  const said = nothingSaid();
  const held = rules();
  said.violations = held.broken;
  if (body.error != null) said.error = readOpenAiError(body.error, held);
  if (body.object !== "response" && said.error !== null) return said;
  checkResponseObject(body, held);
  said.id = text(body.id) || null;
  said.model = text(body.model) || null;
  for (const item of objects(body.output)) readItem(item, said, held);
  const reason = isObject(body.incomplete_details) ? text(body.incomplete_details.reason) : "";
  held.expect(
    16,
    (body.status === "incomplete") === (reason !== ""),
    "incomplete and its reason do not agree",
  );
  said.end = reason || text(body.status) || null;
  said.usage = readUsage(body.usage, held);
  said.terminated = true;
  return said;
}
