import type { ClientDialect } from "../dialect.ts";
import { passChatStream } from "./chat-stream.ts";
import { replyChoices, requestMessages } from "./content.ts";
import { renderOpenAiError } from "./error.ts";
import { parseChatCall } from "./parse.ts";
import { passWholeChat } from "./pass-whole.ts";
import { openChatRenderer } from "./render-stream.ts";
import { renderChatReply } from "./render-whole.ts";

/** `POST /v1/chat/completions` as agents speak it (OpenAI API reference, "Chat Completions"). */
export const openAiChat: ClientDialect = {
  name: "openai-chat",
  endpoint: "/v1/chat/completions",
  parse: parseChatCall,
  renderError: renderOpenAiError,
  heartbeat: new TextEncoder().encode(": keep-alive\n\n"),
  renderReply: renderChatReply,
  openRenderer: openChatRenderer,
  passStream: passChatStream,
  passWhole: passWholeChat,
  traceInput: (call) => requestMessages(call.text),
  traceOutput: replyChoices,
};
