import { RouteletError } from "../errors.ts";
import type { NodeSpan } from "../tunnel/protocol/messages.ts";

/** What came back from a backend, before anything of it was released. */
export interface BackendReply {
  status: number;
  headers: Headers;
  /** The backend's own bytes, as they come. What its reading throws goes through `lostReply`. */
  stream(): ReadableStream<Uint8Array>;
  /** The same, whole; `stream` or `whole` is called, once. */
  whole(): Promise<Uint8Array>;
  /** Resolves after the body has ended, with the spans that a node measured; empty for a cloud provider. */
  spans: Promise<NodeSpan[]>;
}

/** What reading a reply failed with: a node's own error as it is, a provider's cut connection by a name. */
export function lostReply(thrown: unknown): RouteletError {
  if (thrown instanceof RouteletError) return thrown;
  return new RouteletError({
    kind: "upstream",
    code: "upstream_lost",
    message: "The connection to the backend was lost in the middle of its reply. Send the request again.",
    retryable: true,
    cause: thrown,
  });
}

/** A reply that is an HTTP response. Reading it whole through `arrayBuffer` spares the stream's own cost. */
export function replyOf(response: Response): BackendReply {
  return {
    status: response.status,
    headers: response.headers,
    stream: () => response.body ?? new ReadableStream({ start: (controller) => controller.close() }),
    whole: async () => new Uint8Array(await response.arrayBuffer()),
    spans: Promise.resolve([]),
  };
}
