import { createParser } from "eventsource-parser";
import { RouteletError } from "../errors.ts";
import { createSseBlocks, MAX_PENDING_BYTES } from "./sse-blocks.ts";

/** One block of a stream of server-sent events: its bytes as they came, and what they say. */
export interface SseEvent {
  raw: Uint8Array;
  /** The `event:` field; null when there is none. */
  name: string | null;
  /** The data lines, joined; null for a comment, or for an event that is too long to be read. */
  data: string | null;
  tooLong: boolean;
}

export interface SseEvents {
  push(chunk: Uint8Array): SseEvent[];
  /** A last event without its blank line (wire trap 1); its `raw` has none either. */
  flush(): SseEvent[];
}

/** Reads server-sent events (WHATWG HTML section 9.2) and keeps each one's own bytes, so that they can pass as they came. */
export function createSseEvents(): SseEvents {
  const blocks = createSseBlocks();
  const decoder = new TextDecoder();
  let name: string | null = null;
  let data: string | null = null;
  const parser = createParser({
    onEvent(event) {
      name = event.event ?? null;
      data = event.data;
    },
  });

  function read(raw: Uint8Array, text: string): SseEvent {
    name = null;
    data = null;
    parser.reset();
    parser.feed(text);
    return { raw, name, data, tooLong: false };
  }

  const readBlock = (raw: Uint8Array): SseEvent =>
    raw.length > MAX_PENDING_BYTES
      ? { raw, name: null, data: null, tooLong: true }
      : read(raw, decoder.decode(raw));

  return {
    push: (chunk) => blocks.push(chunk).map(readBlock),
    flush() {
      const rest = blocks.rest();
      return rest.length === 0 ? [] : [read(rest, `${decoder.decode(rest)}\n\n`)];
    },
  };
}

/** An event that is too long to be read holds content that a translation would lose: the reply has failed. */
export function eventTooLong(): RouteletError {
  return new RouteletError({
    kind: "upstream",
    code: "upstream_event_too_long",
    message: `The backend sent a single event of more than ${MAX_PENDING_BYTES / 1024 / 1024} MiB, which cannot be translated. Ask for less at once, or use a model whose backend speaks this dialect itself.`,
  });
}
