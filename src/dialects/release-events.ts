import { joinBytes } from "../bytes.ts";
import type { ReplyFacts } from "./reply.ts";
import type { SseEvent } from "./sse-events.ts";

/**
 * What a client gets of the events that a backend of its own dialect sent, as one piece: comments and what is too long to be
 * read pass as they came, the rest is `release`'s to decide; nothing passes after the reply's end or an error inside it.
 */
export function releaseEvents(options: {
  events: readonly SseEvent[];
  facts: ReplyFacts;
  release: (event: SseEvent, data: string) => Uint8Array[];
}): Uint8Array[] {
  const { facts, release } = options;
  const released: Uint8Array[] = [];
  for (const event of options.events) {
    if (facts.terminated || facts.inBandError !== null) break;
    if (event.tooLong) {
      facts.malformedEvents++;
      facts.committed = true;
      released.push(event.raw);
    } else if (event.data === null) released.push(event.raw);
    else released.push(...release(event, event.data));
  }
  return released.length > 1 ? [joinBytes(released)] : released;
}
