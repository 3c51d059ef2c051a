import type { CallStart } from "./records.ts";

/** One message to the object carries at most this many starts. */
const MAX_STARTS = 256;
/** A sender that said nothing for this long was cut off, or the object does not answer. */
const LATE_MS = 2_000;
/** One request sends for the others for this long and this many messages: its `waitUntil` and its subrequests are limited. */
const SEND_MS = 5_000;
const SEND_MESSAGES = 500;
/** Beyond it, while the object hangs, a start goes its own way. */
const MAX_WAITING = 10_000;

/** What became of a start. `alone`: its request has to send it itself. */
export type StartNews = "durable" | "alone";

interface Entry {
  record: CallStart;
  tell: (news: StartNews) => void;
}

/** The request that sends for all of them. */
export interface StartSender {
  since: number;
  messages: number;
  heardAt: number;
  flying: Entry[];
}

/**
 * Starts of an isolate that wait for the ledger. While one message to the object is under way further starts
 * gather, and go together in the next: a message and a commit for each is most of what the ledger would cost.
 *
 * A message is the I/O of one request; the others await a promise of their own, which the sender resolves (workerd
 * goes on in the request that the promise belongs to). What a sender owes that was cut off is taken over by the next
 * start.
 */
export class StartQueue {
  #waiting: Entry[] = [];
  #sender: StartSender | null = null;

  /** Adds a start. Where `sender` is not null the caller's request has to send, until `take` gives nothing more. */
  add(record: CallStart, now: number): { news: Promise<StartNews>; sender: StartSender | null } {
    if (this.#waiting.length >= MAX_WAITING) return { news: Promise.resolve("alone"), sender: null };
    const { promise, resolve } = Promise.withResolvers<StartNews>();
    this.#waiting.push({ record, tell: resolve });
    const old = this.#sender;
    if (old !== null && now - old.heardAt < LATE_MS) return { news: promise, sender: null };
    if (old !== null) this.#waiting.unshift(...old.flying.splice(0));
    this.#sender = { since: now, messages: 0, heardAt: now, flying: [] };
    return { news: promise, sender: this.#sender };
  }

  /** The next message; null when this sender is done. */
  take(sender: StartSender, now: number): CallStart[] | null {
    if (this.#sender !== sender) return null;
    const spent = now - sender.since >= SEND_MS || sender.messages >= SEND_MESSAGES;
    if (spent || this.#waiting.length === 0) {
      this.#sender = null;
      for (const { tell } of this.#waiting.splice(0)) tell("alone");
      return null;
    }
    sender.messages += 1;
    sender.heardAt = now;
    sender.flying = this.#waiting.splice(0, MAX_STARTS);
    return sender.flying.map(({ record }) => record);
  }

  /** What became of the sender's last message. */
  settle(sender: StartSender, news: StartNews): void {
    for (const { tell } of sender.flying.splice(0)) tell(news);
  }
}
