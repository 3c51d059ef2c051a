import type { ErrorKind, RouteletError } from "../../errors.ts";

/** OpenAI's `type` of each kind of error (https://platform.openai.com/docs/guides/error-codes). */
const TYPE: Record<ErrorKind, string> = {
  authentication: "authentication_error",
  permission: "permission_error",
  invalid_request: "invalid_request_error",
  not_found: "not_found_error",
  too_large: "invalid_request_error",
  rate_limited: "rate_limit_error",
  unavailable: "api_error",
  upstream: "api_error",
  deadline: "api_error",
  cancelled: "api_error",
  internal: "api_error",
};

/** OpenAI's error object: what its SDKs parse into an `APIError`. */
export interface OpenAiErrorBody {
  error: { message: string; type: string; param: string | null; code: string };
}

export function openAiErrorBody(error: RouteletError): OpenAiErrorBody {
  return {
    error: {
      message: error.message,
      type: TYPE[error.kind],
      param: error.param ?? null,
      code: error.backendCode ?? error.code,
    },
  };
}

/** Renders an error for clients of OpenAI's dialect, and for the operator's API. The cause never leaves. */
export function renderOpenAiError(error: RouteletError): Response {
  const headers = new Headers({ "content-type": "application/json" });
  if (error.retryAfterSeconds !== undefined) {
    headers.set("retry-after", String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
  }
  return new Response(JSON.stringify(openAiErrorBody(error)), { status: error.status, headers });
}

/**
 * An error that comes after its stream has begun: OpenAI's SDKs raise it when they read the event. No `[DONE]`
 * follows it.
 */
export function streamErrorEvent(error: RouteletError): Uint8Array {
  return new TextEncoder().encode(`data: ${JSON.stringify(openAiErrorBody(error))}\n\n`);
}
