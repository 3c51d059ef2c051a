import type { ClientDialect } from "../dialect.ts";
import { renderAnthropicError } from "./error.ts";
import { parseMessagesCall } from "./parse.ts";
import { passMessagesStream } from "./pass-stream.ts";
import { passWholeMessage } from "./pass-whole.ts";
import { openMessageRenderer } from "./render-stream.ts";
import { renderMessageReply } from "./render-whole.ts";
import { traceReply, traceRequest } from "./trace-content.ts";

/** `POST /v1/messages` as agents speak it (Anthropic API reference, "Messages"). */
export const anthropicMessages: ClientDialect = {
  name: "anthropic-messages",
  endpoint: "/v1/messages",
  parse: parseMessagesCall,
  renderError: renderAnthropicError,
  heartbeat: new TextEncoder().encode('event: ping\ndata: {"type": "ping"}\n\n'),
  renderReply: renderMessageReply,
  openRenderer: openMessageRenderer,
  passStream: passMessagesStream,
  passWhole: passWholeMessage,
  traceInput: traceRequest,
  traceOutput: traceReply,
};
