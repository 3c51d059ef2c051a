import type { Json } from "../said.ts";
import { responseEvents, wholeResponse } from "./native-responses.ts";
import type { Script, Step } from "./play.ts";
import { CREATED, MODEL, named, type Saying, sse, USAGE } from "./saying.ts";

export { named, type Saying, sse, USAGE } from "./saying.ts";

/** What a backend speaks: OpenAI's chat as all compatible servers do, OpenAI's own responses, Anthropic's messages. */
export type Backend = "openai" | "responses" | "anthropic";

const ID = "chatcmpl-upstream";

/** A chat chunk; `more` overrides. */
export function chunk(delta: Json | null, finish: string | null = null, more: Json = {}): Json {
  return {
    id: ID,
    object: "chat.completion.chunk",
    created: CREATED,
    model: MODEL,
    choices: delta === null ? [] : [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...more,
  };
}

export const CHAT_USAGE = {
  prompt_tokens: USAGE.input,
  completion_tokens: USAGE.output,
  total_tokens: USAGE.input + USAGE.output,
  prompt_tokens_details: { cached_tokens: USAGE.cached },
};

/** The chunk that `include_usage` asks for. */
export const USAGE_EVENT = sse(chunk(null, null, { usage: CHAT_USAGE }));

const MESSAGE_USAGE = {
  input_tokens: USAGE.input - USAGE.cached,
  cache_read_input_tokens: USAGE.cached,
  cache_creation_input_tokens: 0,
};

const ENDS: Record<"openai" | "anthropic", { words: string; calls: string }> = {
  openai: { words: "stop", calls: "tool_calls" },
  anthropic: { words: "end_turn", calls: "tool_use" },
};

function endOf(backend: "openai" | "anthropic", saying: Saying): string {
  return saying.end ?? ENDS[backend][saying.calls === undefined ? "words" : "calls"];
}

/** The events of a healthy stream, one string each, so that a case can break any of them. */
export function events(backend: Backend, saying: Saying): string[] {
  if (backend === "responses") return responseEvents(saying);
  return backend === "openai" ? chatEvents(saying) : messageEvents(saying);
}

function chatEvents(saying: Saying): string[] {
  const deltas: Json[] = [
    ...(saying.reasoning ?? []).map((reasoning_content) => ({ reasoning_content })),
    ...(saying.text ?? []).map((content) => ({ content })),
    ...(saying.calls ?? []).flatMap(({ id, name, arguments: words }, index): Json[] => [
      { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] },
      ...halves(words).map((part) => ({ tool_calls: [{ index, function: { arguments: part } }] })),
    ]),
  ];
  return [
    sse(chunk({ role: "assistant", content: "" })),
    ...deltas.map((delta) => sse(chunk(delta))),
    sse(chunk({}, endOf("openai", saying))),
    USAGE_EVENT,
    sse("[DONE]"),
  ];
}

const halves = (text: string): string[] =>
  [text.slice(0, text.length >> 1), text.slice(text.length >> 1)].filter(Boolean);

function messageEvents(saying: Saying): string[] {
  const out: string[] = [
    named({
      type: "message_start",
      message: {
        id: "msg_upstream",
        type: "message",
        role: "assistant",
        model: MODEL,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { ...MESSAGE_USAGE, output_tokens: 1 },
      },
    }),
    named({ type: "ping" }),
  ];
  let index = 0;
  const block = (content_block: Json, deltas: Json[]) => {
    out.push(named({ type: "content_block_start", index, content_block }));
    for (const delta of deltas) out.push(named({ type: "content_block_delta", index, delta }));
    out.push(named({ type: "content_block_stop", index }));
    index += 1;
  };
  if (saying.reasoning !== undefined)
    block({ type: "thinking", thinking: "", signature: "" }, [
      ...saying.reasoning.map((thinking) => ({ type: "thinking_delta", thinking })),
      { type: "signature_delta", signature: saying.signature ?? "c2ln" },
    ]);
  if (saying.text !== undefined)
    block(
      { type: "text", text: "" },
      saying.text.map((text) => ({ type: "text_delta", text })),
    );
  for (const { id, name, arguments: words } of saying.calls ?? [])
    block(
      { type: "tool_use", id, name, input: {} },
      halves(words).map((partial_json) => ({ type: "input_json_delta", partial_json })),
    );
  out.push(
    named({
      type: "message_delta",
      delta: { stop_reason: endOf("anthropic", saying), stop_sequence: null },
      usage: { output_tokens: USAGE.output },
    }),
    named({ type: "message_stop" }),
  );
  return out;
}

/** A healthy whole reply. */
export function whole(backend: Backend, saying: Saying): Json {
  if (backend === "responses") return wholeResponse(saying);
  const words = (saying.text ?? []).join("");
  const thought = (saying.reasoning ?? []).join("");
  if (backend === "anthropic") {
    return {
      id: "msg_upstream",
      type: "message",
      role: "assistant",
      model: MODEL,
      content: [
        ...(thought === ""
          ? []
          : [{ type: "thinking", thinking: thought, signature: saying.signature ?? "c2ln" }]),
        ...(words === "" ? [] : [{ type: "text", text: words }]),
        ...(saying.calls ?? []).map(({ id, name, arguments: text }) => ({
          type: "tool_use",
          id,
          name,
          input: JSON.parse(text || "{}"),
        })),
      ],
      stop_reason: endOf("anthropic", saying),
      stop_sequence: null,
      usage: { ...MESSAGE_USAGE, output_tokens: USAGE.output },
    };
  }
  const calls = (saying.calls ?? []).map(({ id, name, arguments: text }) => ({
    id,
    type: "function",
    function: { name, arguments: text },
  }));
  return {
    id: ID,
    object: "chat.completion",
    created: CREATED,
    model: MODEL,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: words === "" ? null : words,
          refusal: null,
          ...(thought === "" ? {} : { reasoning_content: thought }),
          ...(calls.length === 0 ? {} : { tool_calls: calls }),
        },
        logprobs: null,
        finish_reason: endOf("openai", saying),
      },
    ],
    usage: CHAT_USAGE,
  };
}

/** A healthy reply as the request asked for it. */
export function healthy(backend: Backend, saying: Saying, streamed: boolean): Script {
  return { steps: streamed ? events(backend, saying) : [JSON.stringify(whole(backend, saying))] };
}

/** An error object in the backend's dialect. */
export function errorBody(backend: Backend, message: string, code: string): string {
  return JSON.stringify(
    backend !== "anthropic"
      ? { error: { message, type: "invalid_request_error", param: null, code } }
      : { type: "error", error: { type: code, message } },
  );
}

/** Cuts a text's bytes into pieces of a size, whatever characters that cuts through. */
export function pieces(text: string, size: number): Step[] {
  const bytes = Buffer.from(text);
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  );
}
