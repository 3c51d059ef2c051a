import type { Call } from "../call.ts";
import type { TraceChoice, TraceMessage } from "../dialect.ts";
import { isObject, type Json, parseObject } from "../json.ts";
import type { Message } from "../model-request.ts";
import { createSseEvents } from "../sse-events.ts";

function textOf(parts: Message["content"]): string {
  return parts.flatMap((part) => (part.type === "text" ? part.text : [])).join("");
}

/** What a call says, in the chat shape; hosted items are left out. */
export function traceInput(call: Call): TraceMessage[] {
  return (call.request?.().messages ?? []).map((message): TraceMessage => {
    const said: TraceMessage = { role: message.role, content: textOf(message.content) };
    if (message.role === "tool") return { ...said, tool_call_id: message.callId };
    if (message.role !== "assistant") return said;
    const calls = message.content.flatMap((part) =>
      part.type === "tool_call"
        ? { id: part.id, type: "function", function: { name: part.name, arguments: part.arguments } }
        : [],
    );
    return calls.length === 0 ? said : { ...said, tool_calls: calls };
  });
}

function finalResponse(bytes: Uint8Array, streamed: boolean): Json | null {
  if (!streamed) return parseObject(new TextDecoder().decode(bytes));
  const events = createSseEvents();
  const all = [...events.push(bytes), ...events.flush()];
  const last = all.findLast(
    ({ data }) => data !== null && /"response\.(completed|incomplete|failed)"/.test(data),
  );
  const json = last?.data == null ? null : parseObject(last.data);
  return isObject(json?.response) ? json.response : null;
}

/** What a response said, as one choice in the chat shape. */
export function traceOutput(bytes: Uint8Array, streamed: boolean): TraceChoice[] {
  const response = finalResponse(bytes, streamed);
  if (response === null || !Array.isArray(response.output)) return [];
  const items = response.output.filter(isObject);
  const content = items
    .filter(({ type }) => type === "message")
    .flatMap((item) => (Array.isArray(item.content) ? item.content.filter(isObject) : []))
    .map(({ text, refusal }) => String(text ?? refusal ?? ""))
    .join("");
  const calls = items
    .filter(({ type }) => type === "function_call" || type === "custom_tool_call")
    .map((item) => ({
      id: item.call_id,
      type: "function",
      function: { name: item.name, arguments: item.arguments ?? item.input },
    }));
  const message = { role: "assistant", content: content === "" ? null : content };
  return [
    {
      message: calls.length === 0 ? message : { ...message, tool_calls: calls },
      finish_reason: calls.length > 0 ? "tool_calls" : response.status,
    },
  ];
}
