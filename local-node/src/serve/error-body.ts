import type { NodeError } from "./contract.ts";

export interface RenderedError {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array;
}

/** OpenAI's error object, for a call that failed before the head of its answer. */
export function renderError(error: NodeError): RenderedError {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (error.retryAfterSeconds !== undefined) {
    headers["retry-after"] = String(Math.max(1, Math.ceil(error.retryAfterSeconds)));
  }
  const body = {
    error: {
      message: error.message,
      type: errorType(error.status),
      param: error.param ?? null,
      code: error.code,
    },
  };
  return { status: error.status, headers, body: new TextEncoder().encode(JSON.stringify(body)) };
}

/** The `type` of OpenAI's error object, in the words that the gateway uses for its own errors. */
export function errorType(status: number): string {
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "api_error";
}
