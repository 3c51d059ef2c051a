import type { Dispatcher } from "undici";

/** What waits for its reader beyond this, in bytes, holds the sender back. */
const WAITING_BYTES = 64 * 1024;

export interface EngineResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** The next bytes, null after the last ones. Rejects where the response broke off, and once the signal has fired. */
  read(): Promise<Uint8Array | null>;
  /** Ends the request; nobody reads on. */
  destroy(): void;
}

interface Reader {
  resolve(bytes: Uint8Array | null): void;
  reject(error: Error): void;
}

/**
 * Sends one request and resolves with the head of its response. It stands on undici's own `dispatch`: bodies of its
 * `request` are Node.js streams, whose machinery costs several times what passing a token on does.
 */
export function openResponse(options: {
  dispatcher: Dispatcher;
  url: URL;
  method: Dispatcher.HttpMethod;
  headers: Record<string, string>;
  body: Uint8Array | null;
  signal: AbortSignal;
}): Promise<EngineResponse> {
  const { dispatcher, url, signal } = options;
  const waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let reader: Reader | null = null;
  let ended = false;
  let failure: Error | null = null;
  let controller: Dispatcher.DispatchController | null = null;

  const abort = (): void => {
    waiting.length = 0;
    fail(new Error("The request was given up."));
    if (failure !== null) controller?.abort(failure);
  };
  const settled = (): void => signal.removeEventListener("abort", abort);
  const fail = (error: Error): void => {
    if (ended || failure !== null) return;
    failure = error;
    settled();
    reader?.reject(error);
    reader = null;
    refuse(error);
  };
  const take = (): Uint8Array | null => {
    const bytes = waiting.shift() ?? null;
    waitingBytes -= bytes?.length ?? 0;
    if (controller?.paused === true && waitingBytes < WAITING_BYTES) controller.resume();
    return bytes;
  };
  const read = (): Promise<Uint8Array | null> => {
    if (waiting.length > 0 || ended) return Promise.resolve(take());
    if (failure !== null) return Promise.reject(failure);
    return new Promise((resolve, reject) => {
      reader = { resolve, reject };
    });
  };
  const { promise, resolve: answer, reject: refuse } = Promise.withResolvers<EngineResponse>();

  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) {
    abort();
    return promise;
  }
  dispatcher.dispatch(
    {
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: options.method,
      headers: options.headers,
      body: options.body,
    },
    {
      onRequestStart(started) {
        controller = started;
        if (failure !== null) started.abort(failure);
      },
      onResponseStart(_, status, headers) {
        // 1xx: the answer is still to come (RFC 9110 section 15.2).
        if (status >= 200) answer({ status, headers, read, destroy: abort });
      },
      onResponseData(from, chunk) {
        if (failure !== null) return;
        if (reader !== null) {
          reader.resolve(chunk);
          reader = null;
          return;
        }
        waiting.push(chunk);
        waitingBytes += chunk.length;
        if (waitingBytes >= WAITING_BYTES) from.pause();
      },
      onResponseEnd() {
        if (failure !== null) return;
        ended = true;
        settled();
        reader?.resolve(null);
        reader = null;
      },
      onResponseError(_, error) {
        fail(error);
      },
    },
  );
  return promise;
}
