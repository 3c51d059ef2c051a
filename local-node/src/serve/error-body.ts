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
      type: typeOf(error.status),
      param: error.param ?? null,
      code: error.code,
    },
  };
  return { status: error.status, headers, body: new TextEncoder().encode(JSON.stringify(body)) };
}

function typeOf(status: number): string {
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}
