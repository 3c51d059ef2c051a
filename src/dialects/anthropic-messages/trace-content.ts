import { createParser } from "eventsource-parser";
import type { Call } from "../call.ts";
import type { TraceChoice, TraceMessage } from "../dialect.ts";
import { isObject, type Json, parseJson } from "../json.ts";
import { readWireEvent, textOf, textOrNull } from "./wire.ts";

const asBlocks = (content: unknown): Json[] => {
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  return Array.isArray(content) ? content.filter(isObject) : [];
};

const textsOf = (blocks: readonly Json[]): string =>
  blocks
    .filter(({ type }) => type === "text")
    .map(({ text }) => textOf(text))
    .join("");

const toolCallsOf = (blocks: readonly Json[]): Json[] =>
  blocks
    .filter(({ type }) => type === "tool_use")
    .map(({ id, name, input }) => ({
      id,
      type: "function",
      function: { name, arguments: typeof input === "string" ? input : JSON.stringify(input ?? {}) },
    }));

function traceMessage(role: unknown, content: unknown): TraceMessage[] {
  const blocks = asBlocks(content);
  const results = blocks
    .filter(({ type }) => type === "tool_result")
    .map(
      (block): TraceMessage => ({
        role: "tool",
        tool_call_id: block.tool_use_id,
        content: textsOf(asBlocks(block.content)),
      }),
    );
  const calls = toolCallsOf(blocks);
  const rest = blocks.filter(({ type }) => type !== "tool_result" && type !== "tool_use");
  const onlyText = rest.every(({ type }) => type === "text");
  if (rest.length === 0 && calls.length === 0 && results.length > 0) return results;
  return [
    ...results,
    {
      role,
      content: onlyText ? textsOf(rest) : rest,
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    },
  ];
}

/** A request's messages in the chat shape, the system prompt first. */
export function traceRequest(call: Call): TraceMessage[] {
  const json = parseJson(call.text);
  if (!isObject(json)) return [];
  const messages: unknown[] = Array.isArray(json.messages) ? json.messages : [];
  return [
    ...(json.system == null ? [] : traceMessage("system", json.system)),
    ...messages.filter(isObject).flatMap(({ role, content }) => traceMessage(role, content)),
  ];
}

/** The one choice of a message; a cut stream gives what it has. */
export function traceReply(released: Uint8Array, streamed: boolean): TraceChoice[] {
  const text = new TextDecoder().decode(released);
  return streamed ? joinEvents(text) : wholeChoice(parseJson(text));
}

function wholeChoice(json: unknown): TraceChoice[] {
  if (!isObject(json) || !Array.isArray(json.content)) return [];
  return [choiceOf(json.content.filter(isObject), json.stop_reason ?? null)];
}

function choiceOf(blocks: readonly Json[], reason: unknown): TraceChoice {
  const text = textsOf(blocks);
  const calls = toolCallsOf(blocks);
  return {
    message: {
      role: "assistant",
      content: text === "" ? null : text,
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    },
    finish_reason: reason,
  };
}

function joinEvents(text: string): TraceChoice[] {
  const blocks: Json[] = [];
  let started = false;
  let reason: string | null = null;
  const parser = createParser({
    onEvent({ data, event: name }) {
      const event = readWireEvent(data, name ?? null);
      if (event === null) return;
      if (event.type === "message_start") started = true;
      if (event.type === "content_block_start" && isObject(event.content_block)) {
        const block = { ...event.content_block };
        if (block.type === "tool_use") block.input = "";
        blocks.push(block);
      }
      if (event.type === "content_block_delta" && isObject(event.delta)) add(blocks.at(-1), event.delta);
      if (event.type === "message_delta" && isObject(event.delta))
        reason = textOrNull(event.delta.stop_reason) ?? reason;
    },
  });
  parser.feed(`${text}\n\n`);
  return started ? [choiceOf(blocks, reason)] : [];
}

function add(block: Json | undefined, delta: Json): void {
  if (block === undefined) return;
  if (block.type === "text") block.text = textOf(block.text) + textOf(delta.text);
  if (block.type === "tool_use") block.input = textOf(block.input) + textOf(delta.partial_json);
}
