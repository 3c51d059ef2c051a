import {
  isJsonObject,
  isObject,
  type Json,
  jsonOf,
  nothingSaid,
  type Said,
  type StreamEvent,
  text,
} from "../said.ts";
import { isStopReason, isToolId, readMessageError, readMessageHead, readMessageUsage } from "./messages.ts";
import { type Rules, rules } from "./rules.ts";

const DELTAS_OF: Record<string, readonly string[]> = {
  text: ["text_delta", "citations_delta"],
  thinking: ["thinking_delta", "signature_delta"],
  redacted_thinking: [],
  tool_use: ["input_json_delta"],
};

interface State {
  said: Said;
  held: Rules;
  started: boolean;
  open: { index: number; type: string; words: string } | null;
  blocks: number;
  deltas: number;
  /** The counts so far, in the dialect's names. */
  usage: Json;
}

/** Reads a message's stream and holds it to its rules: one start, one open block at a time, contiguous indices, one stop. */
export function readMessageStream(events: readonly StreamEvent[]): Said {
  const said = nothingSaid();
  const held = rules();
  said.violations = held.broken;
  const { expect } = held;
  const state: State = { said, held, started: false, open: null, blocks: 0, deltas: 0, usage: {} };
  for (const stream of events) {
    const event = jsonOf(stream, held.broken);
    if (event === null) continue;
    const type = text(event.type);
    expect(1, stream.name === type, `the event is named ${stream.name} and says ${type}`);
    if (type === "ping") continue;
    expect(4, !said.terminated && said.error === null, `${type} after the end`);
    expect(13, state.started || type === "message_start" || type === "error", `${type} before message_start`);
    const read = READ[type];
    expect(13, read !== undefined, `an event of type ${type}`);
    read?.(event, state);
  }
  if (said.error === null) {
    expect(13, state.open === null, "a block is left open");
    if (said.terminated) expect(13, state.deltas === 1, `message_delta came ${state.deltas} times`);
    if (said.terminated) expect(16, said.end !== null, "the stream ended without a stop_reason");
  }
  return said;
}

const READ: Record<string, (event: Json, state: State) => void> = {
  message_start(event, state) {
    const { said, held } = state;
    held.expect(13, !state.started, "message_start came twice");
    state.started = true;
    const message = isObject(event.message) ? event.message : {};
    readMessageHead(message, said, held);
    state.usage = isObject(message.usage) ? { ...message.usage } : {};
    held.expect(13, message.stop_reason === null, "message_start has a stop_reason");
    held.expect(
      13,
      Array.isArray(message.content) && message.content.length === 0,
      "message_start has content",
    );
  },
  content_block_start(event, state) {
    const { said, held } = state;
    const block = isObject(event.content_block) ? event.content_block : {};
    const type = text(block.type);
    held.expect(13, state.open === null, "a block begins while another is open");
    held.expect(
      13,
      event.index === state.blocks,
      `block ${String(event.index)} where ${state.blocks} is next`,
    );
    held.expect(13, DELTAS_OF[type] !== undefined, `a block of type ${type}`);
    state.open = { index: state.blocks++, type, words: "" };
    if (type === "text")
      held.expect(13, typeof block.text === "string", "a text block begins without its text");
    if (type === "thinking")
      held.expect(13, typeof block.thinking === "string", "a thinking block begins without its thinking");
    if (type !== "tool_use") return;
    held.expect(13, isObject(block.input), "a tool_use block begins without its input");
    held.expect(11, isToolId(block.id), `the tool call's id is ${JSON.stringify(block.id)}`);
    held.expect(11, text(block.name) !== "", "a tool call without a name");
    said.calls.push({ id: text(block.id), name: text(block.name), arguments: "" });
  },
  content_block_delta(event, state) {
    const { said, held, open } = state;
    const delta = isObject(event.delta) ? event.delta : {};
    const within = open !== null && event.index === open.index;
    held.expect(13, within, "a delta outside its block");
    if (open !== null && within)
      held.expect(
        13,
        DELTAS_OF[open.type]?.includes(text(delta.type)) === true,
        `${String(delta.type)} in a block of ${open.type}`,
      );
    said.text += text(delta.text);
    said.reasoning += text(delta.thinking);
    const call = said.calls.at(-1);
    if (delta.type === "input_json_delta" && call !== undefined) call.arguments += text(delta.partial_json);
  },
  content_block_stop(event, state) {
    const { said, held, open } = state;
    held.expect(13, open !== null && event.index === open.index, "a block ends that is not open");
    state.open = null;
    const call = said.calls.at(-1);
    if (open?.type !== "tool_use" || call === undefined) return;
    // The SDKs take no delta at all for an empty object.
    if (call.arguments === "") call.arguments = "{}";
    held.expect(
      12,
      isJsonObject(call.arguments),
      `tool input that is no JSON object: ${call.arguments.slice(0, 60)}`,
    );
  },
  message_delta(event, state) {
    const { said, held } = state;
    state.deltas += 1;
    held.expect(13, state.open === null, "message_delta while a block is open");
    const delta = isObject(event.delta) ? event.delta : {};
    said.end = text(delta.stop_reason) || said.end;
    held.expect(16, isStopReason(delta.stop_reason), `stop_reason is ${String(delta.stop_reason)}`);
    held.expect(9, isObject(event.usage), "message_delta has no usage");
    const usage = isObject(event.usage) ? event.usage : {};
    held.expect(9, typeof usage.output_tokens === "number", "message_delta has no output_tokens");
    // A count that is left out is the one that message_start told, as the SDKs add them up.
    for (const [name, value] of Object.entries(usage)) if (value != null) state.usage[name] = value;
    said.usage = readMessageUsage(state.usage);
  },
  message_stop(_event, state) {
    state.said.terminated = true;
    state.held.expect(13, state.deltas > 0, "message_stop without a message_delta");
  },
  error(event, state) {
    state.said.error = readMessageError(event, state.held);
  },
};
