import { encodeWindow, ReceiveCredit, SendCredit } from "./protocol/credit.ts";
import {
  concatBytes,
  encodeFrame,
  FRAME,
  FRAME_HEADER_BYTES,
  type Frame,
  ProtocolError,
} from "./protocol/frames.ts";
import { decodeJsonPayload, encodeJsonFrame } from "./protocol/json-payload.ts";
import { type StreamError, streamErrorSchema } from "./protocol/messages.ts";
import { type RequestFrameSpan, stampStream } from "./protocol/request-frames.ts";

type Phase = "head" | "body" | "ended";

/**
 * One call inside the node's object: sends the request to the node as credit allows, and hands the node's frames to
 * the Worker as it reads. It holds at most one window of body bytes.
 */
export class CallStream {
  readonly id: number;
  /** The node's frames, for the Worker. Ends after `responseEnd` or `error`. */
  readonly body: ReadableStream<Uint8Array>;

  readonly #send: (bytes: Uint8Array) => void;
  readonly #onEnded: () => void;
  readonly #request: Uint8Array;
  readonly #spans: RequestFrameSpan[];
  #nextSpan = 0;
  readonly #sendCredit = new SendCredit();
  readonly #receiveCredit = new ReceiveCredit();

  #phase: Phase = "head";
  #cancelled = false;
  #queue: Uint8Array[] = [];
  #queuedCredit = 0;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  /** The reader waits for a chunk. */
  #wanted = false;
  #closed = false;
  readonly #finalWaiters: ((error: StreamError | null) => void)[] = [];

  constructor(options: {
    id: number;
    /** From `encodeRequest`; the stream id is stamped into it. */
    request: Uint8Array;
    send: (bytes: Uint8Array) => void;
    /** Called once, when the node's last frame came or the stream failed. */
    onEnded: () => void;
  }) {
    this.id = options.id;
    this.#send = options.send;
    this.#onEnded = options.onEnded;
    this.#request = options.request;
    this.#spans = stampStream(options.request, options.id);
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          this.#wanted = true;
          this.#deliver();
        },
        cancel: () => {
          this.#closed = true;
          this.cancel();
        },
      },
      { highWaterMark: 0 },
    );
  }

  get ended(): boolean {
    return this.#phase === "ended";
  }

  /** Bytes of the request that wait for the node's credit. */
  get unsentBytes(): number {
    const next = this.#spans[this.#nextSpan];
    return next === undefined ? 0 : this.#request.length - next.start;
  }

  /** Sends what the credit allows, as one message. */
  pump(): void {
    const first = this.#spans[this.#nextSpan];
    if (first === undefined || this.#cancelled || this.ended) return;
    let end = first.start;
    for (
      let span: RequestFrameSpan | undefined = first;
      span !== undefined;
      span = this.#spans[this.#nextSpan]
    ) {
      if (span.credit > this.#sendCredit.available) break;
      this.#sendCredit.spend(span.credit);
      end = span.end;
      this.#nextSpan += 1;
    }
    if (end > first.start) this.#send(this.#request.subarray(first.start, end));
  }

  /** The node read some of the request. @throws ProtocolError `flow_control` */
  grant(bytes: number): void {
    this.#sendCredit.grant(bytes);
    this.pump();
  }

  /** A frame from the node; `raw` is the whole frame. @throws ProtocolError when it comes out of order. */
  receive(frame: Frame, raw: Uint8Array): void {
    switch (frame.type) {
      case FRAME.responseHead:
        if (this.#phase !== "head") throw outOfOrder(frame);
        this.#phase = "body";
        this.#enqueue(raw, 0);
        return;
      case FRAME.responseBody:
        if (this.#phase !== "body") throw outOfOrder(frame);
        this.#receiveCredit.receive(frame.payload.length);
        this.#enqueue(raw, frame.payload.length);
        return;
      case FRAME.responseEnd:
        if (this.#phase !== "body") throw outOfOrder(frame);
        this.#enqueue(raw, 0);
        this.#end(null);
        return;
      case FRAME.error:
        if (this.ended) throw outOfOrder(frame);
        this.#enqueue(raw, 0);
        this.#end(decodeJsonPayload(streamErrorSchema, frame.payload));
        return;
      default:
        throw outOfOrder(frame);
    }
  }

  /**
   * The Worker does not want the answer any more: tells the node, once. The stream stays known until the node's last
   * frame, which `final` waits for.
   */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#queue = [];
    this.#queuedCredit = 0;
    this.#close();
    if (!this.ended) this.#send(encodeFrame(FRAME.cancel, this.id));
  }

  /** The stream can go on no more (socket lost, node revoked): the Worker learns it in-band, the node does not. */
  fail(error: StreamError): void {
    if (this.ended) return;
    this.#enqueue(encodeJsonFrame(FRAME.error, this.id, error), 0);
    this.#end(error);
  }

  /** Resolves with the node's last word: its error (with spans), or null after an orderly end. */
  final(): Promise<StreamError | null> {
    return new Promise((resolve) => {
      if (this.ended) resolve(null);
      else this.#finalWaiters.push(resolve);
    });
  }

  #enqueue(bytes: Uint8Array, credit: number): void {
    if (this.#cancelled) return;
    // A frame is a part of a message that carries many streams: one that waits must not keep the others' memory.
    this.#queue.push(this.#wanted ? bytes : bytes.slice());
    this.#queuedCredit += credit;
    this.#deliver();
  }

  #end(error: StreamError | null): void {
    this.#phase = "ended";
    this.#onEnded();
    for (const resolve of this.#finalWaiters) resolve(error);
    this.#deliver();
  }

  /** Gives all that is queued to a waiting reader, as one chunk, and returns credit for it. */
  #deliver(): void {
    if (this.#queue.length > 0) {
      if (!this.#wanted || this.#controller === null) return;
      const [only] = this.#queue;
      const chunk = this.#queue.length === 1 && only !== undefined ? only : concatBytes(this.#queue);
      const credit = this.#queuedCredit;
      this.#queue = [];
      this.#queuedCredit = 0;
      this.#wanted = false;
      this.#controller.enqueue(chunk);
      const grant = credit === 0 ? 0 : this.#receiveCredit.consume(credit);
      if (grant > 0 && !this.ended) this.#send(encodeWindow(this.id, grant));
    }
    if (this.ended && this.#queue.length === 0) this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#controller?.close();
  }
}

/** Length of a frame's header and payload on the wire. */
export function frameBytes(frame: Frame): number {
  return FRAME_HEADER_BYTES + frame.payload.length;
}

function outOfOrder(frame: Frame): ProtocolError {
  return new ProtocolError("unexpected_frame", `Frame type ${frame.type} came out of order.`);
}
