import { SendCredit } from "../../../src/tunnel/protocol/credit.ts";
import {
  concatBytes,
  FRAME,
  FRAME_HEADER_BYTES,
  writeFrameHeader,
} from "../../../src/tunnel/protocol/frames.ts";

/** A stream's share of one round, in bytes: small, so that a fast stream does not hold up a neighbour's token. */
const QUANTUM_BYTES = 16 * 1024;

/** One WebSocket message gathers frames up to about this size, in bytes. */
const MESSAGE_BYTES = 128 * 1024;

/** With more than this not yet taken by the operating system, nothing more is written, in bytes. */
const SOCKET_BUFFER_BYTES = 256 * 1024;

/** A stream's writer waits while more than this is queued for it, in bytes. */
const LANE_BYTES = 64 * 1024;

/** After a message, later frames gather for this long, in ms; what comes after a pause goes out at once. */
export const GATHER_MS = 2;

/** After a message that many streams shared, in ms: the gateway is busy, and fewer messages are what helps it. */
export const BUSY_GATHER_MS = 4;

/** A message with frames of at least this many streams is one of a busy time. */
const BUSY_STREAMS = 8;

export interface OutboxOptions {
  /** Writes a WebSocket message; `written` is called when the operating system has taken it. */
  write(bytes: Uint8Array, written: () => void): void;
  /** Bytes written but not yet taken. */
  bufferedBytes(): number;
  /** Milliseconds on a monotonic clock. */
  now(): number;
  /** Runs `task` after the input that is ready now was handled. */
  soon(task: () => void): void;
  after(ms: number, task: () => void): void;
}

/**
 * What leaves the node: frames of many streams, fairly interleaved over one socket. A lone token and the first of a
 * stream leave in the same turn of the event loop; others gather for a few ms under load, since each message costs
 * the gateway's object.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #control: Uint8Array[] = [];
  /** Lanes that have something to send now, in the order of their turns. */
  readonly #ready: Lane[] = [];
  #due: "never" | "gathered" | "soon" = "never";
  #flushes = 0;
  #closed = false;
  #lastWrite = Number.NEGATIVE_INFINITY;
  #gatherMs = GATHER_MS;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Sends a whole frame ahead of the streams' bodies: window, state, go-away. */
  control(frame: Uint8Array): void {
    this.#control.push(frame);
    this.#schedule();
  }

  /** `onSent` is called when the stream's last frame leaves. */
  lane(stream: number, onSent: () => void): Lane {
    const onReady = (lane: Lane): void => {
      this.#ready.push(lane);
      this.#schedule();
    };
    return new Lane({ stream, onReady, onUrgent: () => this.#schedule(true), onSent });
  }

  /** Drops what is queued; nothing is written any more. */
  close(): void {
    this.#closed = true;
    this.#control.length = 0;
    this.#ready.length = 0;
  }

  #schedule(urgent = false): void {
    if (this.#closed || this.#due === "soon") return;
    if (this.#due === "gathered" && !urgent) return;
    const since = this.#options.now() - this.#lastWrite;
    if (urgent || since >= this.#gatherMs) {
      this.#due = "soon";
      this.#options.soon(() => this.#flush());
      return;
    }
    this.#due = "gathered";
    const before = this.#flushes;
    this.#options.after(this.#gatherMs - since, () => {
      // Otherwise what it was to send has left already, with a stream's first token.
      if (this.#flushes === before) this.#flush();
    });
  }

  #flush(): void {
    this.#due = "never";
    this.#flushes += 1;
    if (this.#closed) return;
    while (this.#hasWork() && this.#options.bufferedBytes() < SOCKET_BUFFER_BYTES) {
      this.#lastWrite = this.#options.now();
      this.#options.write(this.#gather(), () => {
        // What the socket could not take before may go now.
        if (this.#hasWork()) this.#schedule();
      });
    }
  }

  #hasWork(): boolean {
    return this.#control.length > 0 || this.#ready.length > 0;
  }

  #gather(): Uint8Array {
    this.#gatherMs = this.#ready.length < BUSY_STREAMS ? GATHER_MS : BUSY_GATHER_MS;
    const parts = this.#control.splice(0);
    let length = parts.reduce((sum, part) => sum + part.length, 0);
    while (length < MESSAGE_BYTES) {
      const lane = this.#ready.shift();
      if (lane === undefined) break;
      length += lane.take(QUANTUM_BYTES, parts);
      if (lane.requeue()) this.#ready.push(lane);
    }
    return concatBytes(parts);
  }
}

/** The outgoing side of one stream: head, body under credit, last frame, in this order. */
export class Lane {
  readonly #stream: number;
  readonly #onReady: (lane: Lane) => void;
  readonly #onUrgent: () => void;
  readonly #onSent: () => void;
  readonly #credit = new SendCredit();
  #head: Uint8Array | null = null;
  /** Some of the body has left. */
  #begun = false;
  #body: Uint8Array[] = [];
  #bodyBytes = 0;
  #last: Uint8Array | null = null;
  #queued = false;
  #dead = false;
  #writer: (() => void) | null = null;

  constructor(options: {
    stream: number;
    onReady: (lane: Lane) => void;
    /** What waits is the beginning of a body: somebody looks at an empty screen. */
    onUrgent: () => void;
    onSent: () => void;
  }) {
    this.#stream = options.stream;
    this.#onReady = options.onReady;
    this.#onUrgent = options.onUrgent;
    this.#onSent = options.onSent;
  }

  head(frame: Uint8Array): void {
    this.#head = frame;
    this.#update();
  }

  /** Resolves at once, or when the reader on the other side has caught up. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#dead || bytes.length === 0) return;
    this.#body.push(bytes);
    this.#bodyBytes += bytes.length;
    this.#update();
    if (!this.#begun) this.#onUrgent();
    if (this.#bodyBytes <= LANE_BYTES) return;
    await new Promise<void>((resolve) => {
      this.#writer = resolve;
    });
  }

  /** The last frame, after the body that is queued. */
  finish(frame: Uint8Array): void {
    this.#last ??= frame;
    this.#update();
  }

  /** Drops the queued body and sends `frame` as the last word. */
  abort(frame: Uint8Array): void {
    this.#clear();
    this.#last = frame;
    this.#update();
  }

  /** Drops everything: the socket is gone. */
  kill(): void {
    this.#dead = true;
    this.#head = null;
    this.#last = null;
    this.#clear();
  }

  /** The other side read some. @throws ProtocolError `flow_control` */
  grant(bytes: number): void {
    this.#credit.grant(bytes);
    this.#update();
  }

  /** Moves up to `limit` body bytes and the frames around them to `parts`; returns their length on the wire. */
  take(limit: number, parts: Uint8Array[]): number {
    let length = 0;
    if (this.#head !== null) {
      parts.push(this.#head);
      length += this.#head.length;
      this.#head = null;
    }
    const size = Math.min(limit, this.#bodyBytes, this.#credit.available);
    if (size > 0) {
      this.#begun = true;
      const header = new Uint8Array(FRAME_HEADER_BYTES);
      writeFrameHeader(header, 0, FRAME.responseBody, this.#stream, size);
      parts.push(header);
      this.#takeBody(size, parts);
      length += FRAME_HEADER_BYTES + size;
    }
    if (this.#bodyBytes === 0 && this.#last !== null) {
      parts.push(this.#last);
      length += this.#last.length;
      this.#last = null;
      this.#dead = true;
      this.#onSent();
    }
    return length;
  }

  /** After a turn: true when there is more to send now. */
  requeue(): boolean {
    this.#queued = this.#sendable();
    return this.#queued;
  }

  #takeBody(size: number, parts: Uint8Array[]): void {
    let left = size;
    while (left > 0) {
      const chunk = this.#body[0];
      if (chunk === undefined) break;
      if (chunk.length <= left) {
        parts.push(chunk);
        this.#body.shift();
        left -= chunk.length;
      } else {
        parts.push(chunk.subarray(0, left));
        this.#body[0] = chunk.subarray(left);
        left = 0;
      }
    }
    this.#credit.spend(size);
    this.#bodyBytes -= size;
    if (this.#bodyBytes <= LANE_BYTES) this.#release();
  }

  #sendable(): boolean {
    if (this.#dead) return false;
    if (this.#head !== null) return true;
    if (this.#bodyBytes > 0) return this.#credit.available > 0;
    return this.#last !== null;
  }

  #update(): void {
    if (this.#queued || !this.#sendable()) return;
    this.#queued = true;
    this.#onReady(this);
  }

  #clear(): void {
    this.#body = [];
    this.#bodyBytes = 0;
    this.#release();
  }

  #release(): void {
    this.#writer?.();
    this.#writer = null;
  }
}
