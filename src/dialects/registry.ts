import { anthropicMessagesBackend } from "./anthropic-messages/backend.ts";
import { anthropicMessages } from "./anthropic-messages/client.ts";
import type { WireDialect } from "./call.ts";
import type { BackendDialect, ClientDialect } from "./dialect.ts";
import { openAiChatBackend } from "./openai-chat/backend.ts";
import { openAiChat } from "./openai-chat/client.ts";
import { openAiCompletions } from "./openai-completions/client.ts";
import { openAiEmbeddings } from "./openai-embeddings/client.ts";
import { openAiResponses } from "./openai-responses/client.ts";

/** What agents speak, each at its own endpoint. */
export const CLIENT_DIALECTS: readonly ClientDialect[] = [
  openAiChat,
  openAiResponses,
  anthropicMessages,
  openAiCompletions,
  openAiEmbeddings,
];

const BACKEND_DIALECTS: readonly BackendDialect[] = [openAiChatBackend, anthropicMessagesBackend];

/** The dialect as backends speak it; null when calls are never translated into it. */
export function backendDialect(name: WireDialect): BackendDialect | null {
  return BACKEND_DIALECTS.find((dialect) => dialect.name === name) ?? null;
}
