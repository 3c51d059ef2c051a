import {
  count,
  isJsonObject,
  isObject,
  type Json,
  jsonOf,
  nothingSaid,
  objects,
  type Said,
  type StreamEvent,
  text,
} from "../said.ts";
import { isFinishReason, readChatUsage } from "./chat.ts";
import { readOpenAiError } from "./openai-error.ts";
import { type Rules, rules } from "./rules.ts";

interface State {
  said: Said;
  held: Rules;
  wantsUsage: boolean;
  head: Json;
  roles: number;
  usages: number;
}

/** Reads a chat stream and holds it to its rules: one id, time and model; role once and first; one end; one `[DONE]`. */
export function readChatStream(events: readonly StreamEvent[], options: { wantsUsage: boolean }): Said {
  const said = nothingSaid();
  const held = rules();
  said.violations = held.broken;
  const { expect } = held;
  const state: State = { said, held, wantsUsage: options.wantsUsage, head: {}, roles: 0, usages: 0 };
  for (const event of events) {
    expect(1, event.name === null, `an event named ${event.name}`);
    if (said.terminated) {
      expect(4, false, event.data === "[DONE]" ? "[DONE] came twice" : "something came after [DONE]");
    } else if (event.data === "[DONE]") {
      said.terminated = said.error === null;
      expect(4, said.error === null, "[DONE] after an error");
    } else {
      expect(18, said.error === null, "something came after the error");
      const chunk = jsonOf(event, held.broken);
      if (chunk?.error != null) said.error = readOpenAiError(chunk.error, held);
      else if (chunk !== null) readChunk(chunk, state);
    }
  }
  expect(5, state.roles <= 1, "the role came more than once");
  if (said.terminated) expect(5, said.end !== null, "the stream ended without a finish_reason");
  expect(7, state.usages <= 1, `usage was told ${state.usages} times: who adds chunks up counts it again`);
  if (said.error === null)
    for (const call of said.calls)
      expect(
        12,
        isJsonObject(call.arguments),
        `tool arguments that are no JSON object: ${call.arguments.slice(0, 60)}`,
      );
  return said;
}

function readChunk(chunk: Json, state: State): void {
  const { said, held, head } = state;
  const { expect } = held;
  expect(5, chunk.object === "chat.completion.chunk", `object is ${String(chunk.object)}`);
  expect(5, text(chunk.id) !== "", "a chunk without an id");
  expect(5, count(chunk.created) > 0, "a chunk without a time of creation");
  expect(5, text(chunk.model) !== "", "a chunk without a model");
  for (const field of ["id", "created", "model"]) {
    head[field] ??= chunk[field];
    expect(5, chunk[field] === head[field], `\`${field}\` changes within the stream`);
  }
  said.id = text(head.id) || null;
  said.model = text(head.model) || null;
  expect(5, Array.isArray(chunk.choices), "a chunk without `choices`");
  const choices = objects(chunk.choices);
  if (choices.length === 0)
    expect(6, state.wantsUsage, "a chunk without choices, of usage that was not asked for");
  const usage = readChatUsage(chunk.usage, held);
  if (usage !== null) {
    said.usage = usage;
    state.usages += 1;
  }
  for (const choice of choices) readChoice(choice, state);
}

function readChoice(choice: Json, state: State): void {
  const { said, held } = state;
  const { expect } = held;
  expect(5, choice.index === 0, "a choice without its index");
  expect(5, isObject(choice.delta), "a choice without a delta");
  const delta = isObject(choice.delta) ? choice.delta : {};
  if (delta.role != null) state.roles += 1;
  expect(5, state.roles > 0, "content before the role");
  const brings = [delta.content, delta.reasoning_content, delta.reasoning, delta.tool_calls].some(
    (value) => value != null && value !== "",
  );
  expect(5, said.end === null || !brings, "content after the end");
  said.text += text(delta.content) + text(delta.refusal);
  said.reasoning += text(delta.reasoning_content) || text(delta.reasoning);
  readCalls(delta, said, held);
  expect(5, choice.finish_reason !== "", '`finish_reason` is ""');
  expect(5, choice.finish_reason !== undefined, "a choice without `finish_reason`");
  if (choice.finish_reason != null && choice.finish_reason !== "") {
    expect(5, said.end === null, "`finish_reason` came twice");
    expect(16, isFinishReason(choice.finish_reason), `finish_reason is ${String(choice.finish_reason)}`);
    said.end = text(choice.finish_reason);
  }
}

function readCalls(delta: Json, said: Said, { expect }: Rules): void {
  for (const call of objects(delta.tool_calls)) {
    const index = typeof call.index === "number" ? call.index : -1;
    const details = isObject(call.function) ? call.function : {};
    const known = said.calls[index];
    if (known !== undefined) {
      expect(11, call.id == null && details.name == null, "id or name again in a tool call's continuation");
      known.arguments += text(details.arguments);
      continue;
    }
    expect(11, index === said.calls.length, `tool call index ${index} where ${said.calls.length} is next`);
    expect(11, text(call.id) !== "", "a tool call without an id");
    expect(11, text(details.name) !== "", "a tool call without a name");
    expect(11, call.type === "function", "a tool call without its type");
    expect(
      11,
      said.calls.every(({ id }) => id !== call.id),
      "two tool calls of one id",
    );
    said.calls.push({ id: text(call.id), name: text(details.name), arguments: text(details.arguments) });
  }
}
