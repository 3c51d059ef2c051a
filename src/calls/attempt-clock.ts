import { RouteletError, toRouteletError } from "../errors.ts";

/** The clocks of one attempt. Whichever runs out first aborts `signal` with a `RouteletError` as its reason. */
export interface AttemptClock {
  readonly signal: AbortSignal;
  /** The headers came: their clock stops. */
  answered(): void;
  /** The first content came: the first-byte clock stops and the idle clock starts. */
  committed(): void;
  /** A read begins: the idle clock runs. But for the first one it costs two assignments, no timer. */
  reading(): void;
  /** The read has ended: how long the client takes for what came is not the backend's silence. */
  read(): void;
  /** Ends the attempt from outside, for this reason. */
  giveUp(reason: RouteletError): void;
  /** The attempt is over: nothing fires any more. */
  stop(): void;
}

function deadline(code: string, message: string): RouteletError {
  return new RouteletError({ kind: "deadline", code, message, retryable: true });
}

/** The reason of a call whose client left; 499 is what logs call it, no client sees it. */
export function clientGone(): RouteletError {
  return new RouteletError({
    kind: "cancelled",
    code: "client_closed_request",
    message: "The client closed the request.",
  });
}

/**
 * Starts the clocks: until the headers (`headersMs`), until the first content (`firstByteMs`), between chunks (`idleMs`), and of the whole call
 * (`totalEndsAt`, milliseconds since the epoch); and follows the client's own signal.
 */
export function startAttemptClock(options: {
  client: AbortSignal;
  /** Null where headers come with the content: for a reply that is not streamed, and from a node that loads its model. */
  headersMs: number | null;
  firstByteMs: number;
  idleMs: number;
  totalEndsAt: number;
  now: () => number;
}): AttemptClock {
  const { client, now } = options;
  const controller = new AbortController();
  const startedAt = now();
  let lastAt = startedAt;
  let headers = options.headersMs === null;
  let content = false;
  let waiting = true;
  // A first-byte deadline that is further away than the next silence would be noticed late.
  let setAgain = options.firstByteMs > options.idleMs;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onClient = () => controller.abort(clientGone());

  const headersMs = Math.min(options.headersMs ?? options.firstByteMs, options.firstByteMs);

  /** What runs out first as things stand, in milliseconds since the epoch. */
  function limitAt(at: number): number {
    if (content) return (waiting ? lastAt : at) + options.idleMs;
    return startedAt + (headers ? options.firstByteMs : headersMs);
  }

  /** The clock that ran out. */
  function late(): RouteletError {
    if (content) {
      return deadline(
        "idle_timeout",
        `The backend was silent for ${options.idleMs} ms in the middle of its reply.`,
      );
    }
    return headers || headersMs === options.firstByteMs
      ? deadline("first_byte_timeout", `No content came within ${options.firstByteMs} ms.`)
      : deadline("headers_timeout", `The backend did not begin to answer within ${headersMs} ms.`);
  }

  /** One timer for all clocks: it sleeps until the one that is due first, and looks again. */
  function watch(): void {
    const at = now();
    const limit = limitAt(at);
    if (at >= options.totalEndsAt) {
      controller.abort(deadline("total_timeout", "The call took longer than the gateway's total deadline."));
    } else if (at >= limit) {
      controller.abort(late());
    } else timer = setTimeout(watch, Math.min(limit, options.totalEndsAt) - at);
  }

  if (client.aborted) onClient();
  else {
    client.addEventListener("abort", onClient, { once: true });
    watch();
  }
  return {
    signal: controller.signal,
    answered() {
      headers = true;
    },
    committed() {
      content = true;
      waiting = false;
      lastAt = now();
    },
    reading() {
      waiting = true;
      lastAt = now();
      if (!content || !setAgain) return;
      setAgain = false;
      clearTimeout(timer);
      watch();
    },
    read() {
      waiting = false;
    },
    giveUp: (reason) => controller.abort(reason),
    stop() {
      setAgain = false;
      clearTimeout(timer);
      client.removeEventListener("abort", onClient);
    },
  };
}

/** Waits for a promise, but no longer than the signal lasts; rejects with the signal's reason. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(toRouteletError(signal.reason));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(
      (value) => {
        signal.removeEventListener("abort", onAbort);
        resolve(value);
      },
      (cause: unknown) => {
        signal.removeEventListener("abort", onAbort);
        reject(signal.aborted ? toRouteletError(signal.reason) : cause);
      },
    );
  });
}
