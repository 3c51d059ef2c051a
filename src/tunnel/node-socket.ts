import { z } from "zod";
import { CallStream, frameBytes } from "./call-stream.ts";
import { decodeWindow } from "./protocol/credit.ts";
import { decodeMessage, encodeFrame, FRAME, type Frame, ProtocolError } from "./protocol/frames.ts";
import { decodeJsonPayload } from "./protocol/json-payload.ts";
import {
  CLOSE,
  goAwaySchema,
  type NodeState,
  nodeStateSchema,
  type StreamError,
} from "./protocol/messages.ts";

/** Kept with the hibernating socket (at most 16 KiB); what an evicted object finds again. Times in ms. */
export const attachmentSchema = z.object({
  nodeId: z.string(),
  generation: z.number().int(),
  connectedAt: z.number(),
  /** Counts the object's lives with this socket: see `nextStreamId`. */
  epoch: z.number().int().nonnegative(),
  draining: z.boolean(),
});
export type Attachment = z.infer<typeof attachmentSchema>;

/** A cancelled call whose node says nothing for this long is forgotten, in ms. */
const CANCEL_GRACE_MS = 5_000;

const EPOCH_BITS = 12;
const COUNTER_BITS = 32 - EPOCH_BITS;
const COUNTER_LIMIT = 2 ** COUNTER_BITS;

export interface NodeSocketEvents {
  onState(state: NodeState): void;
  /** The node asks for no new calls. */
  onGoAway(): void;
  /** The last running call ended. */
  onIdle(): void;
}

/** The live socket of a node: its calls, by stream id. */
export class NodeSocket {
  readonly socket: WebSocket;
  readonly #events: NodeSocketEvents;
  readonly #streams = new Map<number, CallStream>();
  #attachment: Attachment;
  #counter = 0;
  /** When the node last sent a frame, ms since the epoch; pings are counted by the runtime. */
  lastMessageAt: number;

  constructor(options: { socket: WebSocket; attachment: Attachment; events: NodeSocketEvents }) {
    this.socket = options.socket;
    this.#attachment = options.attachment;
    this.#events = options.events;
    this.lastMessageAt = options.attachment.connectedAt;
    this.#keepAttachment();
  }

  get attachment(): Attachment {
    return this.#attachment;
  }

  get activeStreams(): number {
    return this.#streams.size;
  }

  /** Bytes of requests that wait here for the node's credit. */
  get unsentBytes(): number {
    let bytes = 0;
    for (const stream of this.#streams.values()) bytes += stream.unsentBytes;
    return bytes;
  }

  markDraining(): void {
    this.#attachment = { ...this.#attachment, draining: true };
    this.#keepAttachment();
  }

  /** Sends a request and returns its stream. */
  open(request: Uint8Array): CallStream {
    const id = this.#nextStreamId();
    const stream = new CallStream({
      id,
      request,
      send: (bytes) => this.send(bytes),
      onEnded: () => {
        this.#streams.delete(id);
        if (this.#streams.size === 0) this.#events.onIdle();
      },
    });
    this.#streams.set(id, stream);
    stream.pump();
    return stream;
  }

  /** Cancels and returns what the node said last; null when it says nothing within the grace. */
  async cancel(stream: CallStream): Promise<StreamError | null> {
    if (stream.ended) return null;
    stream.cancel();
    let timer: ReturnType<typeof setTimeout> | null = null;
    const silence = new Promise<null>((resolve) => {
      timer = setTimeout(() => {
        // In this order: what `fail` says is not the node's word.
        resolve(null);
        stream.fail({ code: "cancelled", message: "The call was cancelled.", retryable: false });
      }, CANCEL_GRACE_MS);
    });
    const last = await Promise.race([stream.final(), silence]);
    clearTimeout(timer);
    return last;
  }

  /** A message from the node. A breach of the protocol closes the socket and fails its calls. */
  receive(message: string | ArrayBuffer, now: number): void {
    this.lastMessageAt = now;
    try {
      if (typeof message === "string") {
        throw new ProtocolError(
          "unexpected_frame",
          "Text messages other than the heartbeat are not expected.",
        );
      }
      const bytes = new Uint8Array(message);
      const unknown = new Set<number>();
      let offset = 0;
      for (const frame of decodeMessage(bytes)) {
        const end = offset + frameBytes(frame);
        this.#dispatch(frame, bytes.subarray(offset, end), unknown);
        offset = end;
      }
      for (const id of unknown) this.send(encodeFrame(FRAME.cancel, id));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      console.warn(
        JSON.stringify({
          event: "tunnel_protocol_error",
          nodeId: this.#attachment.nodeId,
          code: error.code,
          error: error.message,
        }),
      );
      this.close(CLOSE.protocol, error.code);
    }
  }

  send(bytes: Uint8Array): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.socket.send(bytes);
  }

  /** Closes the socket; its calls fail at once and may be tried elsewhere. */
  close(code: number, reason: string): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.close(code, reason);
    this.failAll();
  }

  failAll(): void {
    const error: StreamError = {
      code: "node_lost",
      message: "The node's connection was lost while it answered.",
      retryable: true,
    };
    for (const stream of [...this.#streams.values()]) stream.fail(error);
  }

  #dispatch(frame: Frame, raw: Uint8Array, unknown: Set<number>): void {
    if (frame.stream === 0) {
      this.#dispatchConnection(frame);
      return;
    }
    const stream = this.#streams.get(frame.stream);
    switch (frame.type) {
      case FRAME.responseHead:
      case FRAME.responseBody:
        // Left over from before an eviction, or raced with a cancel: the node need not go on.
        if (stream === undefined) unknown.add(frame.stream);
        else stream.receive(frame, raw);
        return;
      case FRAME.responseEnd:
      case FRAME.error:
        unknown.delete(frame.stream);
        stream?.receive(frame, raw);
        return;
      case FRAME.window:
        stream?.grant(decodeWindow(frame.payload));
        return;
      default:
        throw new ProtocolError("unexpected_frame", `A node does not send frame type ${frame.type}.`);
    }
  }

  #dispatchConnection(frame: Frame): void {
    switch (frame.type) {
      case FRAME.state:
        this.#events.onState(decodeJsonPayload(nodeStateSchema, frame.payload));
        return;
      case FRAME.goAway:
        decodeJsonPayload(goAwaySchema, frame.payload);
        this.markDraining();
        this.#events.onGoAway();
        return;
      default:
        throw new ProtocolError("unexpected_frame", `Frame type ${frame.type} does not belong to stream 0.`);
    }
  }

  /**
   * Ids are never those of an earlier life of this object: the node may still answer a call that an eviction made us
   * forget, and its frames must not reach a new call. The upper 12 bits count lives, the lower 20 calls.
   */
  #nextStreamId(): number {
    for (;;) {
      this.#counter += 1;
      if (this.#counter >= COUNTER_LIMIT) {
        this.#attachment = { ...this.#attachment, epoch: this.#attachment.epoch + 1 };
        this.#keepAttachment();
        this.#counter = 1;
      }
      const id = (this.#attachment.epoch % 2 ** EPOCH_BITS) * COUNTER_LIMIT + this.#counter;
      if (!this.#streams.has(id)) return id;
    }
  }

  #keepAttachment(): void {
    this.socket.serializeAttachment(this.#attachment);
  }
}
