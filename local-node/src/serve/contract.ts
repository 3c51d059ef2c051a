import type { Confidence } from "../../../src/tunnel/protocol/confidence.ts";
import type { NodeSpan } from "../../../src/tunnel/protocol/messages.ts";

/** A call as it came out of the tunnel (or from a test): the path was already matched against the fixed list. */
export interface NodeRequest {
  method: "GET" | "POST";
  path: string;
  /** Lower-case names. */
  headers: Record<string, string>;
  body: Uint8Array;
  /** Milliseconds left for the whole call. */
  deadlineMs: number;
  /** Fires when the client left, the deadline ran out or the socket was lost: stop computing at once. */
  signal: AbortSignal;
}

/**
 * The answer. `body` yields bytes in the dialect of the path (for chat: one JSON object, or SSE events)
 * and throws a `NodeError` when the call fails after its head. Reading slowly must slow the engine's
 * reader down, never fill memory.
 */
export interface NodeResponse {
  status: number;
  headers: Record<string, string>;
  body: AsyncIterable<Uint8Array>;
  /** Spans measured so far; complete once `body` has ended. */
  spans(): NodeSpan[];
  /** How sure the model was of its answer; undefined where the engine does not tell, or the body has not ended. */
  confidence?(): Confidence | undefined;
}

export type NodeHandler = (request: NodeRequest) => Promise<NodeResponse>;

/** A failure on the node: becomes an HTTP error in the dialect before the head, a stream error after it. */
export class NodeError extends Error {
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;
  readonly param: string | undefined;

  constructor(options: {
    code: string;
    message: string;
    status: number;
    retryable: boolean;
    retryAfterSeconds?: number;
    param?: string;
    cause?: unknown;
  }) {
    super(options.message, { cause: options.cause });
    this.name = "NodeError";
    this.code = options.code;
    this.status = options.status;
    this.retryable = options.retryable;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.param = options.param;
  }
}
