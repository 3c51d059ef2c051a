import { clientResponseHeaders } from "../backends/headers.ts";
import { lostReply } from "../backends/reply.ts";
import type { ByteReader } from "../byte-reader.ts";
import type { ReplyStream } from "../dialects/dialect.ts";
import type { ReplyFacts } from "../dialects/reply.ts";
import { RouteletError, toRouteletError } from "../errors.ts";
import type { Outcome } from "../ledger/records.ts";
import { type AttemptClock, clientGone } from "./attempt-clock.ts";
import { outcomeOf } from "./attempt-log.ts";
import type { Heartbeat } from "./heartbeat.ts";

/** How a released reply ended. */
export interface ReleaseEnd {
  outcome: Outcome;
  error: RouteletError | null;
  facts: ReplyFacts;
}

function incomplete(): RouteletError {
  return new RouteletError({
    kind: "upstream",
    code: "upstream_incomplete",
    message:
      "The backend's stream ended in the middle of its reply. What came so far is incomplete; send the request again.",
  });
}

/** How long a backend may take to end its connection after its terminator, in milliseconds. */
const END_MS = 1_000;

/** Reads on to the end, so that the backend sees no cancellation; one that leaves its connection open is cut. */
function letEnd(rest: ByteReader): void {
  const cut = setTimeout(() => rest.cancel().catch(() => undefined), END_MS);
  const drain = async (): Promise<void> => {
    while (!(await rest.read()).done);
  };
  drain()
    .catch(() => undefined)
    .finally(() => clearTimeout(cut));
}

type Read = ReadableStreamReadResult<Uint8Array>;

/**
 * The body of a streamed reply. It is pulled by the client: a slow reader slows the backend down. The backend
 * never changes from here on, so a failure becomes an error event in the client's dialect, without a terminator.
 * While the backend is silent the heartbeat goes out, if there is one. `onEnd` runs once, whatever the end is.
 */
export function releaseStream(options: {
  held: Uint8Array[];
  rest: ByteReader;
  follow: ReplyStream;
  clock: AttemptClock;
  heartbeat: Heartbeat | null;
  onBytes: (bytes: Uint8Array) => void;
  onEnd: (end: ReleaseEnd) => void;
  /** What must have happened before the reply may be seen to be complete; its failure is the reply's. */
  beforeEnd: (() => Promise<void>) | null;
}): ReadableStream<Uint8Array> {
  const { rest, follow, clock } = options;
  const held = [...options.held];
  let ended = false;
  let reading: Promise<Read> | null = null;

  function end(outcome: Outcome, error: RouteletError | null): void {
    if (ended) return;
    ended = true;
    clock.signal.removeEventListener("abort", onAbort);
    clock.stop();
    options.heartbeat?.stop();
    options.onEnd({ outcome, error, facts: follow.facts });
  }

  function onAbort(): void {
    const reason = toRouteletError(clock.signal.reason);
    rest.cancel(reason).catch(() => undefined);
    if (reason.kind === "cancelled") end("cancelled", reason);
  }
  clock.signal.addEventListener("abort", onAbort, { once: true });
  if (clock.signal.aborted) onAbort();

  function send(
    controller: ReadableStreamDefaultController<Uint8Array>,
    pieces: readonly Uint8Array[],
  ): void {
    for (const bytes of pieces) {
      options.onBytes(bytes);
      controller.enqueue(bytes);
    }
  }

  function fail(controller: ReadableStreamDefaultController<Uint8Array>, error: RouteletError): void {
    send(controller, follow.fail(error));
    controller.close();
    end(outcomeOf(error), error);
  }

  async function finish(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const last = follow.flush();
    if (follow.facts.inBandError !== null) return fail(controller, follow.facts.inBandError);
    if (!follow.facts.complete) {
      send(controller, last);
      return fail(controller, incomplete());
    }
    await close(controller, last);
  }

  async function close(
    controller: ReadableStreamDefaultController<Uint8Array>,
    last: readonly Uint8Array[],
  ): Promise<void> {
    const closing = follow.end();
    await options.beforeEnd?.();
    send(controller, [...last, ...closing]);
    controller.close();
    end("done", null);
    letEnd(rest);
  }

  /** Takes what the backend sent; false when nothing of it is for the client. */
  async function take(
    controller: ReadableStreamDefaultController<Uint8Array>,
    { done, value }: Read,
  ): Promise<boolean> {
    if (clock.signal.aborted) {
      fail(controller, toRouteletError(clock.signal.reason));
      return true;
    }
    if (done) {
      await finish(controller);
      return true;
    }
    const released = follow.push(value);
    if (follow.facts.inBandError !== null) {
      send(controller, released);
      rest.cancel().catch(() => undefined);
      fail(controller, follow.facts.inBandError);
      return true;
    }
    if (follow.facts.terminated) {
      await close(controller, released);
      return true;
    }
    send(controller, released);
    return released.length > 0;
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const ready = held.shift();
        if (ready !== undefined) return send(controller, [ready]);
        try {
          for (;;) {
            if (follow.facts.terminated) return await finish(controller);
            clock.reading();
            reading ??= rest.read();
            const beat = options.heartbeat === null ? null : await options.heartbeat.orBeat(reading);
            if (beat === "beat") return send(controller, [options.heartbeat?.bytes ?? new Uint8Array(0)]);
            const read = await reading;
            reading = null;
            clock.read();
            if (await take(controller, read)) return;
          }
        } catch (thrown) {
          fail(controller, clock.signal.aborted ? toRouteletError(clock.signal.reason) : lostReply(thrown));
        }
      },
      cancel() {
        rest.cancel().catch(() => undefined);
        end("cancelled", clientGone());
      },
    },
    { highWaterMark: 0 },
  );
}

/** Names under which a backend may have its own id of the request, which its support asks for: that one passes. */
const REQUEST_IDS = ["x-request-id", "request-id"] as const;

/**
 * A text as a header can have it: characters beyond printable ASCII percent-encoded as UTF-8. Names of models and tasks
 * may hold any.
 */
function headerText(value: string): string {
  return value.toWellFormed().replace(/[^ -~]+/gu, encodeURIComponent);
}

/** Our headers that are there, with the backend's own id of the request where it gave one. */
export function ownHeaders(
  backend: Headers | null,
  own: Record<string, string | null>,
): Record<string, string> {
  const present: Record<string, string> = {};
  for (const name in own) {
    const value = own[name];
    if (value != null) present[name] = headerText(value);
  }
  if (backend === null) return present;
  for (const name of REQUEST_IDS) {
    const theirs = backend.get(name) ?? REQUEST_IDS.map((other) => backend.get(other)).find(Boolean);
    if (theirs && present[name] !== undefined) present[name] = theirs;
  }
  return present;
}

/** The response's headers: the backend's, and ours, which say where the call went and why. */
export function responseHeaders(backend: Headers, own: Record<string, string | null>): Headers {
  return clientResponseHeaders(backend, ownHeaders(backend, own));
}
