import type { ByteReader } from "../byte-reader.ts";
import { RouteletError } from "../errors.ts";
import { noteAnswer } from "../fleet/silent-nodes.ts";
import { DISPATCH_HEADERS, NODE_REFUSALS, type NodeRefusal } from "./dispatch-wire.ts";
import type { NodeTunnel } from "./node-tunnel.ts";
import type { Confidence } from "./protocol/confidence.ts";
import { concatBytes, FRAME, type Frame, FrameDecoder } from "./protocol/frames.ts";
import { decodeJsonPayload } from "./protocol/json-payload.ts";
import {
  type NodeSpan,
  type RequestHead,
  type ResponseHead,
  responseEndSchema,
  responseHeadSchema,
  type StreamError,
  streamErrorSchema,
} from "./protocol/messages.ts";
import { encodeRequest } from "./protocol/request-frames.ts";

export interface NodeReply {
  status: number;
  /** As the node sent them, lower-case names. */
  headers: Record<string, string>;
  /** Fails with a `RouteletError`; cancelling it cancels the call on the node. */
  body: ByteReader;
  /**
   * How the call ended, once it has; never rejects. `spans` are the node's, complete after an orderly end, those
   * measured until then after an error or a cancel, none when the node was lost.
   */
  end: Promise<NodeEnd>;
}

export interface NodeEnd {
  spans: NodeSpan[];
  /** How sure the model was, where the node's engine tells. */
  confidence?: Confidence;
  /** What `body` failed with. */
  error?: RouteletError;
}

export interface DispatchOptions {
  /** `env.NODE_TUNNEL.getByName(nodeId)`. */
  stub: DurableObjectStub<NodeTunnel>;
  /** The node must have been joined to it. */
  project: string;
  head: RequestHead;
  body: Uint8Array;
  /** The client left, or a deadline ran out. A `RouteletError` as its reason is what the reply fails with. */
  signal: AbortSignal;
}

/**
 * Sends a call through the tunnel and resolves with the head of the node's answer, whatever its status.
 *
 * @throws RouteletError before the head: `node_absent`, `node_busy` (with `Retry-After`), `node_draining`,
 * `node_lost` (all retryable elsewhere), the node's own stream error, or `cancelled`.
 */
export async function dispatchToNode(options: DispatchOptions): Promise<NodeReply> {
  const { stub, signal } = options;
  if (signal.aborted) throw abortError(signal);
  const callId = crypto.randomUUID();
  const frames = await openStream(options, callId);
  const cancel = async (): Promise<StreamError | null> => {
    const last = await stub.cancel(callId);
    if (last !== null && last.code !== "node_lost") noteAnswer(stub.name ?? "");
    return last;
  };
  const reply = new NodeReplyReader({ frames, signal, cancel });
  return reply.head();
}

async function openStream(
  options: DispatchOptions,
  callId: string,
): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  let response: Response;
  try {
    response = await options.stub.fetch("https://node-tunnel/dispatch", {
      method: "POST",
      headers: { [DISPATCH_HEADERS.callId]: callId, [DISPATCH_HEADERS.project]: options.project },
      body: encodeRequest(options.head, options.body),
    });
  } catch (error) {
    // The object was reset (deploy, eviction, overload) before it took the call.
    throw nodeLost(error);
  }
  const refused = response.headers.get(DISPATCH_HEADERS.refusal);
  if (refused !== null) throw refusalError(refused);
  if (response.body === null) throw nodeLost(new Error(`The object answered ${response.status}.`));
  return response.body.getReader();
}

type Read = ReadableStreamReadResult<Uint8Array>;

const END: Read = { done: true, value: undefined };

/** Reads the node's frames as the caller reads the body; nothing is read ahead. */
class NodeReplyReader implements ByteReader {
  readonly #frames: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new FrameDecoder();
  readonly #signal: AbortSignal;
  readonly #cancelCall: () => Promise<StreamError | null>;
  readonly #onAbort = (): void => {
    this.#stop(abortError(this.#signal));
  };
  readonly #end = Promise.withResolvers<NodeEnd>();
  #ready: Frame[] = [];
  #failure: RouteletError | null = null;
  #done = false;
  /** Nothing more is said: the body has ended, or is not wanted any longer. */
  #closed = false;
  /** The read under way, which an end of another cause settles at once. */
  #reading: PromiseWithResolvers<Read> | null = null;

  constructor(options: {
    frames: ReadableStreamDefaultReader<Uint8Array>;
    signal: AbortSignal;
    cancel: () => Promise<StreamError | null>;
  }) {
    this.#frames = options.frames;
    this.#signal = options.signal;
    this.#cancelCall = options.cancel;
    if (this.#signal.aborted) this.#onAbort();
    else this.#signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  async head(): Promise<NodeReply> {
    const first = await this.#next();
    if (first.type !== FRAME.responseHead) throw this.#fail(nodeLost(new Error("The answer has no head.")));
    let head: ResponseHead;
    try {
      head = decodeJsonPayload(responseHeadSchema, first.payload);
    } catch (error) {
      throw this.#stop(brokenAnswer(error));
    }
    return { ...head, body: this, end: this.#end.promise };
  }

  read(): Promise<Read> {
    if (this.#closed) return Promise.resolve(END);
    const reading = Promise.withResolvers<Read>();
    this.#reading = reading;
    void this.#readInto(reading);
    return reading.promise;
  }

  cancel(): Promise<void> {
    if (this.#failure === null) {
      this.#closed = true;
      this.#reading?.resolve(END);
      this.#stop(cancelledError());
    }
    return Promise.resolve();
  }

  /** Never rejects. What has been settled meanwhile, by a cancel or a failure, stays so. */
  async #readInto(reading: PromiseWithResolvers<Read>): Promise<void> {
    try {
      for (;;) {
        const frame = await this.#next();
        if (frame.type === FRAME.responseBody) {
          const value = this.#withMore(frame.payload);
          if (value.length === 0) continue;
          return reading.resolve({ done: false, value });
        }
        if (frame.type !== FRAME.responseEnd)
          throw new Error(`Frame type ${frame.type} has no place in an answer.`);
        this.#finish(decodeJsonPayload(responseEndSchema, frame.payload));
        this.#closed = true;
        return reading.resolve(END);
      }
    } catch (error) {
      reading.reject(this.#failure ?? this.#stop(brokenAnswer(error)));
    }
  }

  /** The payload and those right behind it that have come already, as one chunk: each chunk costs the hops to the client. */
  #withMore(first: Uint8Array): Uint8Array {
    if (this.#ready[0]?.type !== FRAME.responseBody) return first;
    const parts = [first];
    while (this.#ready[0]?.type === FRAME.responseBody) {
      const frame = this.#ready.shift();
      if (frame !== undefined) parts.push(frame.payload);
    }
    return concatBytes(parts);
  }

  /** The next frame. Throws what the call failed with, which every read of the body then fails with. */
  async #next(): Promise<Frame> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      const frame = this.#ready.shift();
      if (frame?.type === FRAME.error) throw this.#failWith(frame.payload);
      if (frame !== undefined) return frame;
      let result: Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>["read"]>>;
      try {
        result = await this.#frames.read();
      } catch (error) {
        throw this.#failure ?? this.#fail(nodeLost(error));
      }
      if (result.done) throw this.#failure ?? this.#fail(nodeLost(new Error("The answer was cut.")));
      try {
        this.#ready = this.#decoder.push(result.value);
      } catch (error) {
        throw this.#stop(brokenAnswer(error));
      }
    }
  }

  #failWith(payload: Uint8Array): RouteletError {
    let said: StreamError;
    try {
      said = decodeJsonPayload(streamErrorSchema, payload);
    } catch (error) {
      return this.#fail(brokenAnswer(error));
    }
    return this.#fail(streamError(said), said.spans);
  }

  /** The call is over on the node's side. */
  #fail(error: RouteletError, spans: NodeSpan[] = []): RouteletError {
    this.#failure ??= error;
    this.#reading?.reject(error);
    this.#finish({ spans, error });
    return error;
  }

  /** We end the call: the node is told, and its last word still gives the spans. */
  #stop(error: RouteletError): RouteletError {
    if (this.#done || this.#failure !== null) return error;
    this.#failure = error;
    this.#reading?.reject(error);
    this.#cancelCall()
      .then((last) => this.#finish({ spans: last?.spans ?? [], error }))
      // The object cannot be reached: it notices the end of the stream below by itself.
      .catch(() => this.#finish({ spans: [], error }));
    // Ends the read in progress, and tells the object a second way.
    this.#frames.cancel(error).catch(() => undefined);
    return error;
  }

  #finish(end: NodeEnd): void {
    this.#done = true;
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#end.resolve(end);
  }
}

function abortError(signal: AbortSignal): RouteletError {
  return signal.reason instanceof RouteletError ? signal.reason : cancelledError(signal.reason);
}

function cancelledError(cause?: unknown): RouteletError {
  return new RouteletError({
    kind: "cancelled",
    code: "cancelled",
    message: "The call was cancelled.",
    cause,
  });
}

function nodeLost(cause: unknown): RouteletError {
  return new RouteletError({
    kind: "unavailable",
    code: "node_lost",
    message: "The connection to the local node was lost while it answered. Try again.",
    retryable: true,
    cause,
  });
}

function brokenAnswer(cause: unknown): RouteletError {
  return new RouteletError({
    kind: "upstream",
    code: "node_protocol_error",
    message: "The local node's answer could not be read. Update the node, then try again.",
    retryable: true,
    cause,
  });
}

const REFUSALS: Record<NodeRefusal, () => RouteletError> = {
  node_absent: () =>
    new RouteletError({
      kind: "unavailable",
      code: "node_absent",
      message:
        "The local node is not connected. Start it with `local-node run` (in a clone: `npm run node -- run`).",
      retryable: true,
    }),
  node_busy: () =>
    new RouteletError({
      kind: "rate_limited",
      code: "node_busy",
      message: "The local node has as many calls in progress as it takes. Try again shortly.",
      retryable: true,
      retryAfterSeconds: 1,
    }),
  node_draining: () =>
    new RouteletError({
      kind: "unavailable",
      code: "node_draining",
      message: "The local node is shutting down and takes no new calls.",
      retryable: true,
    }),
  cancelled: () => cancelledError(),
};

function refusalError(code: string): RouteletError {
  const known = NODE_REFUSALS.find((name) => name === code);
  return known === undefined ? nodeLost(new Error(`Refused: ${code}`)) : REFUSALS[known]();
}

function streamError(said: StreamError): RouteletError {
  if (said.code === "node_lost") return nodeLost(undefined);
  if (said.code === "cancelled") return cancelledError();
  return new RouteletError({
    kind: said.code === "deadline" ? "deadline" : "upstream",
    code: said.code,
    message: said.message,
    retryable: said.retryable,
  });
}
