import { parseObject } from "../../dialects/json.ts";
import { createSseEvents, type SseEvent } from "../../dialects/sse-events.ts";
import { RouteletError } from "../../errors.ts";
import { type Heartbeat, startHeartbeat } from "../heartbeat.ts";

/** More events than this are told live, but not kept for later; bytes. */
const MAX_KEPT_BYTES = 8 * 1024 * 1024;

/** The longest stream: all of it is held for those who follow. Bytes. */
const MAX_BYTES = 32 * 1024 * 1024;

interface Told {
  number: number;
  bytes: Uint8Array;
}

/** What a stream has told so far: whoever follows it gets all of it, from wherever they were, and then what comes. */
export interface EventLog {
  /** @throws RouteletError `upstream_too_large`. */
  push(chunk: Uint8Array): void;
  end(): void;
  /** The stream from the event after `after` on. */
  follow(options: { after: number; heartbeat: Uint8Array; heartbeatMs: number }): ReadableStream<Uint8Array>;
  /** All events, as they were told; null when they are too many to be kept. */
  text(): string | null;
  /** The last event; null before the first. */
  last(): Record<string, unknown> | null;
}

/** The events of a stream with a higher number than `after`. */
export function eventsAfter(text: string, after: number): string {
  const events = createSseEvents();
  const all = [...events.push(new TextEncoder().encode(text)), ...events.flush()];
  const decoder = new TextDecoder();
  return all
    .filter((event) => (numberOf(event) ?? -1) > after)
    .map(({ raw }) => decoder.decode(raw))
    .join("");
}

function numberOf({ data }: SseEvent): number | null {
  const number = data === null ? undefined : parseObject(data)?.sequence_number;
  return typeof number === "number" ? number : null;
}

function tooLarge(): RouteletError {
  return new RouteletError({
    kind: "upstream",
    code: "upstream_too_large",
    message: `The stream is larger than ${MAX_BYTES / 1024 / 1024} MiB, which is what a background response may have.`,
  });
}

async function orBeat(beats: Heartbeat | null, promise: Promise<void>): Promise<"settled" | "beat"> {
  if (beats !== null) return beats.orBeat(promise);
  await promise;
  return "settled";
}

export function createEventLog(now: () => number): EventLog {
  const events = createSseEvents();
  const told: Told[] = [];
  let size = 0;
  let last: Record<string, unknown> | null = null;
  let ended = false;
  let more = Promise.withResolvers<void>();

  function wake(): void {
    more.resolve();
    more = Promise.withResolvers<void>();
  }

  function take(read: readonly SseEvent[]): void {
    for (const event of read) {
      const number = numberOf(event);
      if (number === null) continue;
      told.push({ number, bytes: event.raw });
      size += event.raw.length;
      last = parseObject(event.data ?? "");
    }
    if (size > MAX_BYTES) throw tooLarge();
    if (read.length > 0) wake();
  }

  return {
    push: (chunk) => take(events.push(chunk)),
    end() {
      take(events.flush());
      ended = true;
      wake();
    },
    follow({ after, heartbeat, heartbeatMs }) {
      let at = 0;
      const beats = heartbeatMs > 0 ? startHeartbeat({ bytes: heartbeat, afterMs: heartbeatMs, now }) : null;
      return new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            for (;;) {
              const next = told[at];
              if (next !== undefined) {
                at += 1;
                if (next.number > after) return controller.enqueue(next.bytes);
              } else if (ended) {
                beats?.stop();
                return controller.close();
              } else if ((await orBeat(beats, more.promise)) === "beat") return controller.enqueue(heartbeat);
            }
          },
          cancel: () => beats?.stop(),
        },
        { highWaterMark: 0 },
      );
    },
    text() {
      if (size > MAX_KEPT_BYTES) return null;
      const decoder = new TextDecoder();
      return told.map(({ bytes }) => decoder.decode(bytes)).join("");
    },
    last: () => last,
  };
}
