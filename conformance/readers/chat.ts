import { count, isJsonObject, isObject, type Json, nothingSaid, objects, type Said, text } from "../said.ts";
import { readOpenAiError } from "./openai-error.ts";
import { type Rules, rules } from "./rules.ts";

const FINISH_REASONS = new Set(["stop", "length", "tool_calls", "content_filter", "function_call"]);

export const isFinishReason = (value: unknown): boolean => FINISH_REASONS.has(text(value));

/** Tokens as OpenAI counts them: those from a cache are among the prompt's. */
export function readChatUsage(usage: unknown, { expect }: Rules): Said["usage"] {
  if (!isObject(usage)) return null;
  const details = isObject(usage.prompt_tokens_details) ? usage.prompt_tokens_details : {};
  const [input, output] = [count(usage.prompt_tokens), count(usage.completion_tokens)];
  const cached = count(details.cached_tokens);
  expect(8, usage.total_tokens === input + output, "total_tokens is not the sum of both");
  expect(8, cached <= input, "more cached tokens than prompt tokens");
  return { input, cached, output };
}

function readCall(call: Json, said: Said, { expect }: Rules): void {
  const details = isObject(call.function) ? call.function : {};
  const words = text(details.arguments);
  expect(11, text(call.id) !== "", "a tool call without an id");
  expect(11, call.type === "function", "a tool call without its type");
  expect(11, text(details.name) !== "", "a tool call without a name");
  expect(
    12,
    isJsonObject(words),
    `tool arguments that are no JSON object in a string: ${words.slice(0, 60)}`,
  );
  said.calls.push({ id: text(call.id), name: text(details.name), arguments: words });
}

/** Reads a whole chat completion (OpenAI API reference, "Chat completion object"). */
export function readChat(body: Json): Said {
  const said = nothingSaid();
  const held = rules();
  said.violations = held.broken;
  const { expect } = held;
  if (body.error != null) {
    said.error = readOpenAiError(body.error, held);
    return said;
  }
  said.id = text(body.id) || null;
  said.model = text(body.model) || null;
  expect(5, body.object === "chat.completion", `object is ${String(body.object)}`);
  expect(5, said.id !== null, "no id");
  expect(5, count(body.created) > 0, "no time of creation");
  expect(5, said.model !== null, "no model");
  const [choice] = objects(body.choices);
  expect(5, choice !== undefined, "no choice");
  if (choice === undefined) return said;
  expect(5, choice.index === 0, "the choice has no index");
  const message = isObject(choice.message) ? choice.message : {};
  expect(5, message.role === "assistant", "the message's role is not assistant");
  expect(
    5,
    message.content === null || typeof message.content === "string",
    "content is neither words nor null",
  );
  said.text = text(message.content) || text(message.refusal);
  said.reasoning = text(message.reasoning_content) || text(message.reasoning);
  for (const call of objects(message.tool_calls)) readCall(call, said, held);
  said.end = text(choice.finish_reason) || null;
  expect(16, isFinishReason(choice.finish_reason), `finish_reason is ${String(choice.finish_reason)}`);
  said.usage = readChatUsage(body.usage, held);
  said.terminated = true;
  return said;
}
