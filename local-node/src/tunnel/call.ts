import { encodeWindow, ReceiveCredit } from "../../../src/tunnel/protocol/credit.ts";
import { concatBytes, FRAME, ProtocolError } from "../../../src/tunnel/protocol/frames.ts";
import { encodeJsonFrame } from "../../../src/tunnel/protocol/json-payload.ts";
import { NODE_PATHS, type RequestHead } from "../../../src/tunnel/protocol/messages.ts";
import { NodeError, type NodeHandler, type NodeResponse } from "../serve/contract.ts";
import { answerError, endFrame, errorFrame, toNodeError } from "./call-answer.ts";
import type { Lane, Outbox } from "./outbox.ts";

/** The longest request body that a node takes, in bytes. */
export const MAX_REQUEST_BYTES = 32 * 1024 * 1024;

/** Why a call stops before its answer is complete. */
class CallStopped extends Error {
  readonly code: "cancelled" | "deadline";

  constructor(code: "cancelled" | "deadline") {
    super(code === "deadline" ? "The call's deadline ran out." : "The call was cancelled.");
    this.name = "CallStopped";
    this.code = code;
  }
}

export interface CallOptions {
  stream: number;
  head: RequestHead;
  outbox: Outbox;
  handler: NodeHandler;
  /** Called once, when the last frame has left, or never will. */
  onEnded: () => void;
  /** Errors that the handler did not mean to throw, for the node's log. */
  onError: (error: unknown) => void;
}

/** One call on the node: gathers the request, runs the handler, sends its answer. */
export class Call {
  readonly #options: CallOptions;
  readonly #lane: Lane;
  readonly #abort = new AbortController();
  /** Rejects what the call waits for now. */
  #interrupt: ((reason: unknown) => void) | null = null;
  readonly #deadline: ReturnType<typeof setTimeout>;
  readonly #receivedAt = performance.now();
  readonly #credit = new ReceiveCredit();
  #body: Uint8Array[] = [];
  #bodyBytes = 0;
  #requested = false;
  /** The last frame is queued. */
  #answered = false;
  #ended = false;
  #response: NodeResponse | null = null;

  constructor(options: CallOptions) {
    this.#options = options;
    this.#lane = options.outbox.lane(options.stream, () => this.#done());
    this.#deadline = setTimeout(() => this.#stop("deadline"), Math.min(options.head.deadlineMs, 2 ** 31 - 1));
    if (!NODE_PATHS.some((path) => path === options.head.path)) {
      this.#refuse(
        new NodeError({
          code: "path_not_served",
          message: "This path is not served by a local node.",
          status: 404,
          retryable: false,
        }),
      );
    }
  }

  /** @throws ProtocolError `flow_control` */
  bodyFrame(payload: Uint8Array): void {
    if (this.#requested) throw new ProtocolError("unexpected_frame", "A request body came after its end.");
    if (this.#answered) return;
    this.#credit.receive(payload.length);
    this.#bodyBytes += payload.length;
    if (this.#bodyBytes > MAX_REQUEST_BYTES) {
      this.#refuse(
        new NodeError({
          code: "request_too_large",
          message: `A request to a local node may have at most ${MAX_REQUEST_BYTES} bytes.`,
          status: 413,
          retryable: false,
        }),
      );
      return;
    }
    this.#body.push(payload);
    const grant = this.#credit.consume(payload.length);
    if (grant > 0) this.#options.outbox.control(encodeWindow(this.#options.stream, grant));
  }

  /** The request is complete: the handler starts. */
  requestEnd(): void {
    if (this.#requested) throw new ProtocolError("unexpected_frame", "A request ended twice.");
    this.#requested = true;
    // Refused or stopped while it came in.
    if (this.#answered) return;
    const body =
      this.#body.length === 1 && this.#body[0] !== undefined ? this.#body[0] : concatBytes(this.#body);
    this.#body = [];
    this.#run(body).catch(this.#options.onError);
  }

  grant(bytes: number): void {
    this.#lane.grant(bytes);
  }

  /** The gateway does not want the answer any more. */
  cancel(): void {
    this.#stop("cancelled");
  }

  /** The socket is gone: stop computing, say nothing. */
  lose(): void {
    this.#lane.kill();
    this.#stop("cancelled");
    this.#done();
  }

  async #run(body: Uint8Array): Promise<void> {
    const { stream, head } = this.#options;
    try {
      const pending = this.#options.handler({
        method: head.method,
        path: head.path,
        headers: head.headers,
        body,
        deadlineMs: Math.max(1, head.deadlineMs - (performance.now() - this.#receivedAt)),
        signal: this.#abort.signal,
      });
      // A handler that answers although it was stopped must still let go of its engine.
      pending.then(
        (late) => this.#abort.signal.aborted && discard(late),
        () => undefined,
      );
      const response = await this.#unlessStopped(pending);
      this.#response = response;
      const { status, headers } = response;
      this.#lane.head(encodeJsonFrame(FRAME.responseHead, stream, { status, headers }));
      await this.#sendBody(response);
      this.#finish(endFrame(stream, response.spans(), response.confidence?.()));
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  async #sendBody(response: NodeResponse): Promise<void> {
    const iterator = response.body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await this.#unlessStopped(iterator.next());
        if (done) return;
        await this.#unlessStopped(this.#lane.write(value));
      }
    } catch (error) {
      discard(response);
      throw error;
    }
  }

  /** A race with the stop that leaves nothing behind on a long-lived promise, however many chunks there are. */
  #unlessStopped<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#abort.signal.aborted) reject(this.#abort.signal.reason);
      this.#interrupt = reject;
      work.then(resolve, reject);
    });
  }

  #fail(thrown: unknown): void {
    const { stream } = this.#options;
    if (this.#abort.signal.aborted) {
      this.#lastWord();
      return;
    }
    const error = toNodeError(thrown);
    if (error !== thrown) this.#options.onError(thrown);
    if (this.#response === null) {
      this.#answered = true;
      answerError(this.#lane, stream, error);
      return;
    }
    const { code, message, retryable } = error;
    this.#finish(errorFrame(stream, { code, message, retryable, spans: this.#response.spans() }));
  }

  #refuse(error: NodeError): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#body = [];
    answerError(this.#lane, this.#options.stream, error);
  }

  #stop(code: "cancelled" | "deadline"): void {
    if (this.#abort.signal.aborted) return;
    const reason = new CallStopped(code);
    this.#abort.abort(reason);
    this.#interrupt?.(reason);
    // The request is still coming in, or the answer is complete but not read: no handler will say the last word.
    if (!this.#requested || this.#answered) this.#lastWord();
  }

  /** Drops what is queued and says why the call stopped. */
  #lastWord(): void {
    const { reason } = this.#abort.signal;
    const { code, message } = reason instanceof CallStopped ? reason : new CallStopped("cancelled");
    const spans = this.#response?.spans() ?? [];
    this.#answered = true;
    this.#lane.abort(errorFrame(this.#options.stream, { code, message, retryable: false, spans }));
  }

  #finish(frame: Uint8Array): void {
    this.#answered = true;
    this.#lane.finish(frame);
  }

  #done(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#deadline);
    this.#options.onEnded();
  }
}

/** Ends an answer that nobody reads, so that its source frees what it holds. */
function discard(response: NodeResponse): void {
  const ended = response.body[Symbol.asyncIterator]().return?.();
  ended?.catch(() => undefined);
}
