import { clientResponseHeaders } from "../backends/headers.ts";
import { lostReply } from "../backends/reply.ts";
import type { ChatStream, ReplyFacts } from "../dialects/openai-chat/chat-stream.ts";
import { streamErrorEvent } from "../dialects/openai-chat/error.ts";
import { RouteletError, toRouteletError } from "../errors.ts";
import type { Outcome } from "../ledger/records.ts";
import { type AttemptClock, clientGone } from "./attempt-clock.ts";
import { outcomeOf } from "./attempt-log.ts";

/** How a released reply ended. */
export interface ReleaseEnd {
  outcome: Outcome;
  error: RouteletError | null;
  facts: ReplyFacts;
}

const DONE = new TextEncoder().encode("data: [DONE]\n\n");

function incomplete(): RouteletError {
  return new RouteletError({
    kind: "upstream",
    code: "upstream_incomplete",
    message:
      "The backend's stream ended in the middle of its reply. What came so far is incomplete; send the request again.",
  });
}

/**
 * The body of a streamed reply. It is pulled by the client: a slow reader slows the backend down. The backend
 * never changes from here on, so a failure becomes an error event in the client's dialect, without `[DONE]`.
 * `onEnd` runs once, whatever the end is.
 */
export function releaseStream(options: {
  held: Uint8Array[];
  rest: ReadableStreamDefaultReader<Uint8Array>;
  follow: ChatStream;
  clock: AttemptClock;
  onBytes: (bytes: Uint8Array) => void;
  onEnd: (end: ReleaseEnd) => void;
}): ReadableStream<Uint8Array> {
  const { rest, follow, clock } = options;
  const held = [...options.held];
  let ended = false;

  function end(outcome: Outcome, error: RouteletError | null): void {
    if (ended) return;
    ended = true;
    clock.signal.removeEventListener("abort", onAbort);
    clock.stop();
    options.onEnd({ outcome, error, facts: follow.facts });
  }

  function onAbort(): void {
    const reason = toRouteletError(clock.signal.reason);
    rest.cancel(reason).catch(() => undefined);
    if (reason.kind === "cancelled") end("cancelled", reason);
  }
  clock.signal.addEventListener("abort", onAbort, { once: true });
  if (clock.signal.aborted) onAbort();

  function fail(controller: ReadableStreamDefaultController<Uint8Array>, error: RouteletError): void {
    controller.enqueue(streamErrorEvent(error));
    controller.close();
    end(outcomeOf(error), error);
  }

  function finish(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const { facts } = follow;
    const last = follow.flush();
    for (const bytes of last) controller.enqueue(bytes);
    if (!facts.terminated && facts.finishReasons.length === 0) {
      fail(controller, incomplete());
      return;
    }
    if (!facts.terminated) controller.enqueue(last.length > 0 ? new Uint8Array([0x0a, 0x0a, ...DONE]) : DONE);
    controller.close();
    end("done", null);
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const ready = held.shift();
        if (ready !== undefined) {
          options.onBytes(ready);
          controller.enqueue(ready);
          return;
        }
        try {
          for (;;) {
            clock.reading();
            const { done, value } = await rest.read();
            clock.read();
            if (clock.signal.aborted) return fail(controller, toRouteletError(clock.signal.reason));
            if (done) return finish(controller);
            const released = follow.push(value);
            for (const bytes of released) {
              options.onBytes(bytes);
              controller.enqueue(bytes);
            }
            if (follow.facts.inBandError !== null) {
              rest.cancel().catch(() => undefined);
              controller.close();
              return end(
                "error",
                new RouteletError({
                  kind: "upstream",
                  code: "upstream_error",
                  message: follow.facts.inBandError,
                }),
              );
            }
            if (released.length > 0) return;
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

/** The response's headers: the backend's, and ours, which say where the call went and why. */
export function responseHeaders(backend: Headers, own: Record<string, string | null>): Headers {
  const present: Record<string, string> = {};
  for (const name in own) {
    const value = own[name];
    if (value != null) present[name] = value;
  }
  return clientResponseHeaders(backend, present);
}
