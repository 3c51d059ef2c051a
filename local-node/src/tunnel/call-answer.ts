import type { Confidence } from "../../../src/tunnel/protocol/confidence.ts";
import { FRAME } from "../../../src/tunnel/protocol/frames.ts";
import { encodeJsonFrame, encodeWithSpans } from "../../../src/tunnel/protocol/json-payload.ts";
import type { NodeSpan, StreamError } from "../../../src/tunnel/protocol/messages.ts";
import { NodeError } from "../serve/contract.ts";
import { errorType } from "../serve/error-body.ts";
import type { Lane } from "./outbox.ts";

/** The frames of an answer that is an error before its head: an HTTP error in OpenAI's form, whole. */
export function answerError(lane: Lane, stream: number, error: NodeError): void {
  const body = new TextEncoder().encode(
    JSON.stringify({
      error: {
        message: error.message,
        type: errorType(error.status),
        code: error.code,
        param: error.param ?? null,
      },
    }),
  );
  const headers: Record<string, string> = {
    "content-type": "application/json",
    "content-length": String(body.length),
  };
  if (error.retryAfterSeconds !== undefined) headers["retry-after"] = String(error.retryAfterSeconds);
  lane.head(encodeJsonFrame(FRAME.responseHead, stream, { status: error.status, headers }));
  // An error object fits the initial credit, so this does not wait.
  lane.write(body).catch(() => undefined);
  lane.finish(endFrame(stream, []));
}

export function endFrame(stream: number, spans: NodeSpan[], confidence?: Confidence): Uint8Array {
  const fields = confidence === undefined ? {} : { confidence };
  return encodeWithSpans({ type: FRAME.responseEnd, stream, fields, spans });
}

export function errorFrame(stream: number, error: StreamError): Uint8Array {
  const { spans = [], ...fields } = error;
  const message = fields.message.slice(0, 2048);
  return encodeWithSpans({ type: FRAME.error, stream, fields: { ...fields, message }, spans });
}

/** What a handler threw, as the caller may see it; unknown errors are the node's own business. */
export function toNodeError(thrown: unknown): NodeError {
  if (thrown instanceof NodeError) return thrown;
  return new NodeError({
    code: "node_failed",
    message: "The local node failed to handle this call. Its log has the cause.",
    status: 500,
    retryable: true,
    cause: thrown,
  });
}
