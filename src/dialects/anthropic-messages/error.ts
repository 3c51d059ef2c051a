import { type ErrorKind, RouteletError } from "../../errors.ts";
import { isObject, parseJson } from "../json.ts";
import { textOrNull, writeWireEvent } from "./wire.ts";

/** Anthropic's error types by HTTP status ("Errors" in its API reference). */
const TYPE_OF_STATUS: Record<number, string> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  408: "timeout_error",
  409: "conflict_error",
  413: "request_too_large",
  422: "invalid_request_error",
  429: "rate_limit_error",
  500: "api_error",
  502: "api_error",
  503: "api_error",
  504: "timeout_error",
  529: "overloaded_error",
};

/** What an error type says of a reply that had begun well: whose fault, and whether another attempt may succeed. */
const MEANING: Record<string, { kind: ErrorKind; status: number; retryable: boolean }> = {
  invalid_request_error: { kind: "invalid_request", status: 400, retryable: false },
  // The gateway's own key, not the caller's: see `refused` in `src/calls/attempt-failed.ts`.
  authentication_error: { kind: "upstream", status: 502, retryable: true },
  billing_error: { kind: "upstream", status: 502, retryable: true },
  permission_error: { kind: "upstream", status: 502, retryable: true },
  not_found_error: { kind: "not_found", status: 404, retryable: false },
  request_too_large: { kind: "too_large", status: 413, retryable: false },
  rate_limit_error: { kind: "rate_limited", status: 429, retryable: true },
  overloaded_error: { kind: "rate_limited", status: 529, retryable: true },
  timeout_error: { kind: "deadline", status: 504, retryable: true },
  api_error: { kind: "upstream", status: 502, retryable: true },
};

/** The type that Anthropic's clients know for a status. */
export function errorTypeOf(status: number): string {
  return TYPE_OF_STATUS[status] ?? (status >= 500 ? "api_error" : "invalid_request_error");
}

/**
 * What Anthropic's SDKs act on. Their tool runner asks the server to hold the conversation (`thread`) and, told this,
 * goes on with the whole history in each request.
 */
function detailsOf({ code, backendCode, param }: RouteletError): Record<string, unknown> {
  return code === "unsupported_parameter" && param === "thread"
    ? { error_code: "thread_unsupported_request", unsupported: ["model"] }
    : { error_code: backendCode ?? code };
}

/**
 * Anthropic's error object. Our code stands in it twice: as `code`, and where its SDKs look for one (`details`).
 */
export function anthropicErrorBody(
  error: RouteletError,
  callId: string | null,
): {
  type: "error";
  error: Record<string, unknown>;
  request_id: string | null;
} {
  return {
    type: "error",
    error: {
      type: errorTypeOf(error.status),
      message: error.message,
      code: error.backendCode ?? error.code,
      ...(error.param === undefined ? {} : { param: error.param }),
      details: detailsOf(error),
    },
    request_id: callId,
  };
}

/** Renders an error for clients of Anthropic's dialect. The cause never leaves. `callId`: of a call that is recorded. */
export function renderAnthropicError(error: RouteletError, callId: string | null = null): Response {
  const headers = new Headers({ "content-type": "application/json" });
  if (error.retryAfterSeconds !== undefined)
    headers.set("retry-after", String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
  return new Response(JSON.stringify(anthropicErrorBody(error, callId)), { status: error.status, headers });
}

/** An error after its stream has begun: the SDKs raise it when they read the event. No `message_stop` follows it. */
export function errorEvent(error: RouteletError, callId: string): string {
  return writeWireEvent(anthropicErrorBody(error, callId));
}

/** A backend's error object in its own words; null when the value is none. */
export function readErrorObject(
  value: unknown,
): { type: string; message: string; code: string | null; param: string | null } | null {
  if (!isObject(value)) return null;
  const { error } = value;
  // Some servers answer with OpenAI's object, or with the bare words.
  if (typeof error === "string" && error !== "")
    return { type: "api_error", message: error, code: null, param: null };
  if (!isObject(error) || typeof error.message !== "string") return null;
  const details = isObject(error.details) ? textOrNull(error.details.error_code) : null;
  const code = textOrNull(error.code) ?? details;
  return {
    type: textOrNull(error.type) ?? "api_error",
    message: error.message,
    code: code ?? textOrNull(error.type),
    param: textOrNull(error.param),
  };
}

/** An error inside a reply whose status said that all is well (wire trap 18); null when the value is none. */
export function errorInBand(value: unknown): RouteletError | null {
  const read = readErrorObject(value);
  if (read === null) {
    if (!isObject(value) || value.type !== "error") return null;
    return new RouteletError({
      kind: "upstream",
      code: "upstream_error",
      message: "The backend reported an error in its reply and did not say which. Try again.",
      retryable: true,
    });
  }
  const meaning = MEANING[read.type] ?? { kind: "upstream", status: 502, retryable: true };
  return new RouteletError({
    ...meaning,
    code: meaning.kind === "rate_limited" ? "backend_busy" : "upstream_error",
    message: `The backend reported an error in its reply: ${read.message}`,
  });
}

/** What compatible servers have in the place of an error object: FastAPI's `detail`, vLLM's flat object. */
function plainWords(json: unknown): string | null {
  if (!isObject(json)) return null;
  const words = json.detail ?? json.message;
  if (words == null || words === "") return null;
  return typeof words === "string" ? words : JSON.stringify(words);
}

/** The words of a refusal's body; null when it has none. */
export function readErrorBody(
  body: Uint8Array,
): { message: string; code: string | null; param: string | null } | null {
  const json = parseJson(new TextDecoder().decode(body));
  const read = readErrorObject(json);
  if (read !== null) return { message: read.message, code: read.code, param: read.param };
  const words = plainWords(json);
  return words === null ? null : { message: words, code: null, param: null };
}
