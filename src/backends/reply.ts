import type { NodeSpan } from "../tunnel/protocol/messages.ts";

/** What came back from a backend, before anything of it was released. */
export interface BackendReply {
  status: number;
  headers: Headers;
  /** The backend's own bytes; it errors with a `RouteletError` when the backend fails on the way. */
  body: ReadableStream<Uint8Array>;
  /** Resolves after the body has ended, with the spans that a node measured; empty for a cloud provider. */
  spans: Promise<NodeSpan[]>;
}
