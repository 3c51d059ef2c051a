import { type ByteReader, EMPTY_READER } from "../byte-reader.ts";
import { joinBytes } from "../bytes.ts";
import { RouteletError } from "../errors.ts";
import type { Confidence } from "../tunnel/protocol/confidence.ts";
import type { NodeSpan } from "../tunnel/protocol/messages.ts";

/** What came back from a backend, before anything of it was released. */
export interface BackendReply {
  status: number;
  headers: Headers;
  /** The backend's own bytes, as they come. What its reading throws goes through `lostReply`. */
  reader(): ByteReader;
  /** The same, whole; `reader` or `whole` is called, once. */
  whole(): Promise<Uint8Array>;
  /** Resolves after the body has ended, with the spans that a node measured; empty for a cloud provider. */
  spans: Promise<NodeSpan[]>;
  /** Resolves after the body has ended, with how sure the model was; null where nobody tells. */
  confidence: Promise<Confidence | null>;
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
    reader: () => readerOf(response),
    whole: () => readWhole(response),
    spans: Promise.resolve([]),
    confidence: Promise.resolve(null),
  };
}

const readerOf = (response: Response): ByteReader => response.body?.getReader() ?? EMPTY_READER;

/** The largest reply that is read whole, in bytes; an isolate has 128 MB for all that it does. */
const MAX_WHOLE_BYTES = 24 * 1024 * 1024;

/**
 * Reads a reply whole, natively where its length is told.
 *
 * @throws RouteletError `upstream_too_large`.
 */
async function readWhole(response: Response): Promise<Uint8Array> {
  const declared = Number(response.headers.get("content-length") ?? Number.NaN);
  if (declared <= MAX_WHOLE_BYTES) return new Uint8Array(await response.arrayBuffer());
  return readToEnd(readerOf(response), declared > MAX_WHOLE_BYTES ? 0 : MAX_WHOLE_BYTES);
}

/**
 * Reads a reply of untold length whole; one that is too large is cancelled.
 *
 * @throws RouteletError `upstream_too_large`; what the reader throws, as it is.
 */
export async function readToEnd(reader: ByteReader, maxBytes = MAX_WHOLE_BYTES): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    size += read.value.length;
    if (size > maxBytes) {
      await reader.cancel();
      throw new RouteletError({
        kind: "upstream",
        code: "upstream_too_large",
        message: `The backend's reply is larger than ${MAX_WHOLE_BYTES / 1024 / 1024} MiB. Ask for it as a stream.`,
      });
    }
    chunks.push(read.value);
  }
  return joinBytes(chunks);
}
