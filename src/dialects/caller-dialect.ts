import type { RouteletError } from "../errors.ts";
import { renderAnthropicError } from "./anthropic-messages/error.ts";
import { renderOpenAiError } from "./openai-chat/error.ts";

/** Whether a request is of an Anthropic client: of those paths, or with the header that each of its requests has. */
export function isAnthropicClient(request: Request): boolean {
  if (request.headers.has("anthropic-version")) return true;
  const { pathname } = new URL(request.url);
  return pathname === "/v1/messages" || pathname.startsWith("/v1/messages/");
}

/** An error in the caller's dialect, at paths that are no dialect's own. */
export function renderErrorFor(request: Request, error: RouteletError, callId?: string): Response {
  return isAnthropicClient(request) ? renderAnthropicError(error, callId) : renderOpenAiError(error);
}
