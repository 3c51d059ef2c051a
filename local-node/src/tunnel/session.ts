import { setImmediate as soon } from "node:timers";
import type { WebSocket } from "ws";
import { decodeWindow } from "../../../src/tunnel/protocol/credit.ts";
import { decodeMessage, FRAME, type Frame, ProtocolError } from "../../../src/tunnel/protocol/frames.ts";
import { decodeJsonPayload, encodeJsonFrame } from "../../../src/tunnel/protocol/json-payload.ts";
import {
  CLOSE,
  type GoAway,
  goAwaySchema,
  HEARTBEAT,
  requestHeadSchema,
} from "../../../src/tunnel/protocol/messages.ts";
import { NodeError, type NodeHandler } from "../serve/contract.ts";
import { Call } from "./call.ts";
import { answerError } from "./call-answer.ts";
import { Outbox } from "./outbox.ts";

export interface SessionOptions {
  /** Open, and the gateway has proved its key. */
  socket: WebSocket;
  handler: NodeHandler;
  maxStreams: number;
  onGoAway: (goAway: GoAway) => void;
  /** The last running call ended. */
  onIdle: () => void;
  onError: (error: unknown) => void;
}

/** Everything that happens on one connected socket, until it closes. */
export class Session {
  readonly #options: SessionOptions;
  readonly #outbox: Outbox;
  readonly #calls = new Map<number, Call>();
  readonly #heartbeat: ReturnType<typeof setInterval>;
  #missedPongs = 0;
  #draining = false;
  #closed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { socket } = options;
    this.#outbox = new Outbox({
      write: (bytes, written) => socket.send(bytes, { binary: true }, written),
      bufferedBytes: () => socket.bufferedAmount,
      now: () => performance.now(),
      soon: (task) => soon(task),
      after: (ms, task) => setTimeout(task, ms),
    });
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT.intervalMs);
    socket.send(HEARTBEAT.ping);
  }

  get activeCalls(): number {
    return this.#calls.size;
  }

  /** Sends a connection frame: state or go-away. */
  sendConnectionFrame(frame: Uint8Array): void {
    this.#outbox.control(frame);
  }

  /** New calls are refused from now on; the gateway is told. */
  goAway(goAway: GoAway): void {
    this.#draining = true;
    this.#outbox.control(encodeJsonFrame(FRAME.goAway, 0, goAway));
  }

  /** A message of the socket. A breach of the protocol closes it. */
  receive(data: Buffer, isBinary: boolean): void {
    try {
      if (!isBinary) {
        if (data.toString("latin1") !== HEARTBEAT.pong) {
          throw new ProtocolError("unexpected_frame", "An unexpected text message came.");
        }
        this.#missedPongs = 0;
        return;
      }
      for (const frame of decodeMessage(data)) {
        if (frame.stream === 0) this.#connectionFrame(frame);
        else this.#callFrame(frame);
      }
    } catch (error) {
      this.#options.onError(error);
      this.#options.socket.close(CLOSE.protocol, error instanceof ProtocolError ? error.code : "internal");
    }
  }

  /** The socket closed: everything that runs is stopped. */
  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#heartbeat);
    this.#outbox.close();
    for (const call of [...this.#calls.values()]) call.lose();
  }

  #beat(): void {
    if (this.#missedPongs >= 2) {
      // A half-dead peer would not answer a close either.
      this.#options.socket.terminate();
      return;
    }
    this.#missedPongs += 1;
    this.#options.socket.send(HEARTBEAT.ping);
  }

  #connectionFrame(frame: Frame): void {
    if (frame.type !== FRAME.goAway) {
      throw new ProtocolError("unexpected_frame", `Frame type ${frame.type} does not belong to stream 0.`);
    }
    this.#options.onGoAway(decodeJsonPayload(goAwaySchema, frame.payload));
  }

  #callFrame(frame: Frame): void {
    const call = this.#calls.get(frame.stream);
    switch (frame.type) {
      case FRAME.requestHead:
        if (call !== undefined) throw new ProtocolError("unexpected_frame", "A stream id was used twice.");
        this.#open(frame);
        return;
      // Without a call: it ended here while these were on their way.
      case FRAME.requestBody:
        // The payload is kept beyond this message, whose memory is shared.
        call?.bodyFrame(frame.payload);
        return;
      case FRAME.requestEnd:
        call?.requestEnd();
        return;
      case FRAME.cancel:
        call?.cancel();
        return;
      case FRAME.window:
        call?.grant(decodeWindow(frame.payload));
        return;
      default:
        throw new ProtocolError("unexpected_frame", `A gateway does not send frame type ${frame.type}.`);
    }
  }

  #open(frame: Frame): void {
    const head = decodeJsonPayload(requestHeadSchema, frame.payload);
    const { stream } = frame;
    const refused = this.#refusal();
    if (refused !== null) {
      answerError(
        this.#outbox.lane(stream, () => undefined),
        stream,
        refused,
      );
      return;
    }
    let ended = false;
    const call = new Call({
      stream,
      head,
      outbox: this.#outbox,
      handler: this.#options.handler,
      onError: this.#options.onError,
      onEnded: () => {
        ended = true;
        this.#calls.delete(stream);
        if (this.#calls.size === 0) this.#options.onIdle();
      },
    });
    if (!ended) this.#calls.set(stream, call);
  }

  #refusal(): NodeError | null {
    if (this.#draining) {
      return new NodeError({
        code: "node_draining",
        message: "The local node is shutting down and takes no new calls.",
        status: 503,
        retryable: true,
      });
    }
    if (this.#calls.size < this.#options.maxStreams) return null;
    return new NodeError({
      code: "node_busy",
      message: "The local node has as many calls in progress as it takes. Try again shortly.",
      status: 429,
      retryable: true,
      retryAfterSeconds: 1,
    });
  }
}
