import { count, isObject, type Json, nothingSaid, objects, type Said, text } from "../said.ts";
import { type Rules, rules } from "./rules.ts";

const STOP_REASONS = new Set([
  "end_turn",
  "max_tokens",
  "stop_sequence",
  "tool_use",
  "pause_turn",
  "refusal",
  "model_context_window_exceeded",
]);

export const isStopReason = (value: unknown): boolean => STOP_REASONS.has(text(value));

export const isToolId = (id: unknown): boolean => /^[a-zA-Z0-9_-]{1,128}$/.test(text(id));

/** Tokens as Anthropic counts them: those from a cache, and those written to one, stand beside the input's. */
export function readMessageUsage(usage: unknown): Said["usage"] {
  if (!isObject(usage)) return null;
  const cached = count(usage.cache_read_input_tokens);
  const written = count(usage.cache_creation_input_tokens);
  return { input: count(usage.input_tokens) + cached + written, cached, output: count(usage.output_tokens) };
}

/** Reads Anthropic's error object: `{ type: "error", error: { type, message } }`. */
export function readMessageError(body: Json, { expect }: Rules): Said["error"] {
  const error = isObject(body.error) ? body.error : {};
  expect(18, body.type === "error", "an error that is not of type error");
  expect(18, text(error.type) !== "", "an error without a type");
  expect(18, text(error.message) !== "", "an error without a message");
  return { code: text(error.type), message: text(error.message), param: null };
}

/** The head that a whole message and `message_start` share. */
export function readMessageHead(message: Json, said: Said, { expect }: Rules): void {
  said.id = text(message.id) || null;
  said.model = text(message.model) || null;
  expect(13, said.id !== null, "the message has no id");
  expect(13, message.type === "message", "the message is not of type message");
  expect(13, message.role === "assistant", "the message's role is not assistant");
  expect(13, said.model !== null, "the message has no model");
  expect(13, Array.isArray(message.content), "the message's content is no list");
  const usage = isObject(message.usage) ? message.usage : {};
  expect(9, typeof usage.input_tokens === "number", "the message's usage has no input_tokens");
  expect(9, typeof usage.output_tokens === "number", "the message's usage has no output_tokens");
  said.usage = readMessageUsage(message.usage);
  expect(9, (said.usage?.input ?? 0) > 0, "the message's usage has no input at all");
}

/** Reads a whole message (Anthropic API reference, "Messages"). */
export function readMessage(body: Json): Said {
  const said = nothingSaid();
  const held = rules();
  said.violations = held.broken;
  const { expect } = held;
  if (body.error != null) {
    said.error = readMessageError(body, held);
    return said;
  }
  readMessageHead(body, said, held);
  for (const block of objects(body.content)) {
    if (block.type === "text") said.text += text(block.text);
    else if (block.type === "thinking") said.reasoning += text(block.thinking);
    else if (block.type === "tool_use") {
      expect(11, isToolId(block.id), `the tool call's id is ${JSON.stringify(block.id)}`);
      expect(12, isObject(block.input), "a tool's input that is no object");
      said.calls.push({
        id: text(block.id),
        name: text(block.name),
        arguments: JSON.stringify(block.input) ?? "",
      });
    }
  }
  said.end = text(body.stop_reason) || null;
  expect(16, isStopReason(body.stop_reason), `stop_reason is ${String(body.stop_reason)}`);
  said.terminated = true;
  return said;
}
