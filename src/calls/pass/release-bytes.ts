import { lostReply } from "../../backends/reply.ts";
import type { ByteReader } from "../../byte-reader.ts";
import { streamErrorEvent } from "../../dialects/openai-chat/error.ts";
import { type RouteletError, toRouteletError } from "../../errors.ts";
import type { Outcome } from "../../ledger/records.ts";
import { type AttemptClock, clientGone } from "../attempt-clock.ts";
import { outcomeOf } from "../attempt-log.ts";

/**
 * The body of a reply that passes as it comes, pulled by the client. One that breaks off is seen to break: as an error event
 * in a stream of events, else by a connection that is cut, since nothing may be added to bytes of any kind.
 */
export function releaseBytes(options: {
  source: ByteReader;
  clock: AttemptClock;
  events: boolean;
  onBytes: (bytes: Uint8Array) => void;
  onEnd: (outcome: Outcome, error: RouteletError | null) => void;
}): ReadableStream<Uint8Array> {
  const { clock, source: reader } = options;
  let ended = false;

  function end(outcome: Outcome, error: RouteletError | null): void {
    if (ended) return;
    ended = true;
    clock.signal.removeEventListener("abort", onAbort);
    clock.stop();
    options.onEnd(outcome, error);
  }

  function onAbort(): void {
    const reason = toRouteletError(clock.signal.reason);
    reader.cancel(reason).catch(() => undefined);
    if (reason.kind === "cancelled") end("cancelled", reason);
  }
  clock.signal.addEventListener("abort", onAbort, { once: true });

  function fail(controller: ReadableStreamDefaultController<Uint8Array>, error: RouteletError): void {
    if (options.events) {
      controller.enqueue(streamErrorEvent(error));
      controller.close();
    } else controller.error(error);
    end(outcomeOf(error), error);
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          clock.reading();
          const { done, value } = await reader.read();
          clock.read();
          if (clock.signal.aborted) return fail(controller, toRouteletError(clock.signal.reason));
          if (done) {
            controller.close();
            return end("done", null);
          }
          options.onBytes(value);
          controller.enqueue(value);
        } catch (thrown) {
          fail(controller, clock.signal.aborted ? toRouteletError(clock.signal.reason) : lostReply(thrown));
        }
      },
      cancel() {
        reader.cancel().catch(() => undefined);
        end("cancelled", clientGone());
      },
    },
    { highWaterMark: 0 },
  );
}
