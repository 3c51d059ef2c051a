import type { WireDialect } from "../dialects/call.ts";
import { isObject, type Json } from "../dialects/json.ts";
import type { ModelRequest } from "../dialects/model-request.ts";
import { readReleased } from "../dialects/read-released.ts";
import type { ReplyChoice } from "../dialects/reply.ts";

const words = (text: string): ReplyChoice => ({
  index: 0,
  parts: [{ type: "text", text }],
  finish: "stop",
  stopSequence: null,
  logprobs: null,
});

/** A message alone, or what stands in one, as the reply that it would have come in. */
const AS_REPLY: Partial<Record<WireDialect, (given: unknown) => Json | null>> = {
  "openai-chat": (given) => {
    if (!isObject(given)) return null;
    if (Array.isArray(given.choices)) return given;
    if (given.content === undefined && given.tool_calls === undefined && given.refusal === undefined)
      return null;
    const finish_reason = Array.isArray(given.tool_calls) ? "tool_calls" : "stop";
    return { choices: [{ index: 0, message: { role: "assistant", ...given }, finish_reason }] };
  },
  "anthropic-messages": (given) => {
    const message = Array.isArray(given) ? { content: given } : given;
    if (!isObject(message) || message.content === undefined) return null;
    const { content } = message;
    const blocks = typeof content === "string" ? [{ type: "text", text: content }] : content;
    return { type: "message", role: "assistant", stop_reason: "end_turn", ...message, content: blocks };
  },
  "openai-responses": (given) => {
    if (isObject(given) && Array.isArray(given.output)) return { status: "completed", ...given };
    if (Array.isArray(given)) return { status: "completed", output: given };
    return isObject(given) && typeof given.type === "string"
      ? { status: "completed", output: [given] }
      : null;
  },
};

/**
 * The answer that somebody said would have been right (`POST /v1/feedback`): a text, a reply of the call's endpoint, or
 * what stands in one; where the call asked for JSON, the JSON itself too. Null for anything else.
 */
export function correctedChoice(
  corrected: unknown,
  call: { dialect: WireDialect; request: ModelRequest },
): ReplyChoice | null {
  if (typeof corrected === "string") return words(corrected);
  const { dialect, request } = call;
  const reply = AS_REPLY[dialect]?.(corrected) ?? null;
  if (reply === null)
    return request.format !== null && isObject(corrected) ? words(JSON.stringify(corrected)) : null;
  const bytes = new TextEncoder().encode(JSON.stringify(reply));
  return readReleased({ dialect, streamed: false, request, bytes })?.[0] ?? null;
}
