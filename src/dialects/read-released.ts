import { anthropicMessagesBackend } from "./anthropic-messages/backend.ts";
import type { WireDialect } from "./call.ts";
import { collectChoices } from "./collect-choices.ts";
import type { BackendDialect } from "./dialect.ts";
import { type Json, parseObject } from "./json.ts";
import type { ModelRequest } from "./model-request.ts";
import { openAiChatBackend } from "./openai-chat/backend.ts";
import { readResponseObject } from "./openai-responses/read-response.ts";
import type { ReplyChoice } from "./reply.ts";
import { createSseEvents } from "./sse-events.ts";

const DECODER = new TextDecoder();

/** The dialects whose replies read the same whether a backend sent them or the gateway. */
const READERS: Partial<Record<WireDialect, BackendDialect>> = {
  "openai-chat": openAiChatBackend,
  "anthropic-messages": anthropicMessagesBackend,
};

/** The last event of a responses stream holds the whole response (OpenAI API reference, "Streaming events"). */
function lastResponse(bytes: Uint8Array): Json | null {
  const events = createSseEvents();
  let last: Json | null = null;
  for (const { data } of [...events.push(bytes), ...events.flush()]) {
    const event = data === null ? null : parseObject(data);
    if (event?.type === "response.completed" || event?.type === "response.incomplete")
      last = event.response as Json;
  }
  return last;
}

/**
 * Reads again what a client was given, from the bytes that were kept: the choices in the internal form. Null where
 * the bytes are no whole reply (cut at the limit of what is kept, an error, a dialect without an internal form).
 */
export function readReleased(options: {
  dialect: WireDialect;
  streamed: boolean;
  request: ModelRequest;
  bytes: Uint8Array;
}): ReplyChoice[] | null {
  const { dialect, streamed, request, bytes } = options;
  if (dialect === "openai-responses") {
    const response = streamed ? lastResponse(bytes) : parseObject(DECODER.decode(bytes));
    return response === null ? null : readResponseObject(response);
  }
  const reader = READERS[dialect];
  if (reader === undefined) return null;
  try {
    if (!streamed) return reader.readReply(bytes, request).choices;
    const stream = reader.openReader(request);
    const collected = collectChoices();
    let ended = false;
    for (const event of [...stream.push(bytes), ...stream.end()]) {
      if (event.type === "error") return null;
      ended ||= event.type === "end";
      collected.add(event);
    }
    return ended ? collected.choices() : null;
  } catch {
    return null; // An error in the place of a reply, or half of one: nothing was said.
  }
}
