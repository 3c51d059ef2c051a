import type { BackendDialect } from "../dialect.ts";
import { isObject } from "../json.ts";
import { errorText } from "./error-in-band.ts";
import { chatProblems } from "./problems.ts";
import { readChatCompletion } from "./read-reply.ts";
import { openChatReader } from "./reader.ts";
import { chatToolNames, renderChatRequest } from "./render-request.ts";

/** OpenAI's `error`, or what compatible servers put in its place: vLLM's flat object, FastAPI's `detail`, a list of `errors`. */
function errorIn(json: Record<string, unknown>): unknown {
  if (json.error != null && json.error !== "") return json.error;
  if (Array.isArray(json.errors) && json.errors.length > 0) return json.errors[0];
  if (typeof json.message === "string") return json;
  return json.detail;
}

function readError(body: Uint8Array): { message: string; code: string | null; param: string | null } | null {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(body));
  } catch {
    return null;
  }
  // Google's OpenAI endpoint wraps its error in a list.
  const [only] = Array.isArray(json) ? json : [json];
  const error = isObject(only) ? errorIn(only) : null;
  if (error == null || error === "") return null;
  const field = (name: "code" | "param"): string | null => {
    const value = isObject(error) ? error[name] : null;
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
