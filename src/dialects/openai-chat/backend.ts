import type { BackendDialect } from "../dialect.ts";
import { errorText } from "./chunk.ts";
import { readChatCompletion } from "./read-reply.ts";
import { openChatReader } from "./reader.ts";
import { chatProblems, chatToolNames, renderChatRequest } from "./render-request.ts";

function readError(body: Uint8Array): { message: string; code: string | null; param: string | null } | null {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(body));
  } catch {
    return null;
  }
  if (typeof json !== "object" || json === null || !("error" in json)) return null;
  const { error } = json;
  if (error === null || error === "" || error === undefined) return null;
  const field = (name: "code" | "param"): string | null => {
    const value = typeof error === "object" ? (error as Record<string, unknown>)[name] : null;
    return typeof value === "string" || typeof value === "number" ? String(value) : null;
  };
  return { message: errorText(error), code: field("code"), param: field("param") };
}

/** OpenAI's chat endpoint, and whatever is compatible with it, for calls that came in another dialect. */
export const openAiChatBackend: BackendDialect = {
  name: "openai-chat",
  problems: chatProblems,
  renderRequest: renderChatRequest,
  readReply: (body, request) => readChatCompletion(body, chatToolNames(request)),
  openReader: (request) => openChatReader(chatToolNames(request)),
  readError,
};
