import type { WireDialect } from "./call.ts";
import type { BackendDialect, ClientDialect } from "./dialect.ts";
import { openAiChatBackend } from "./openai-chat/backend.ts";
import { openAiChat } from "./openai-chat/client.ts";

/** What agents speak, each at its own endpoint. */
export const CLIENT_DIALECTS: readonly ClientDialect[] = [openAiChat];

const BACKEND_DIALECTS: readonly BackendDialect[] = [openAiChatBackend];

/** The dialect as backends speak it; null when calls are never translated into it. */
export function backendDialect(name: WireDialect): BackendDialect | null {
  return BACKEND_DIALECTS.find((dialect) => dialect.name === name) ?? null;
}
