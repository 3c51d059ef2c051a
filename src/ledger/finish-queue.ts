import type { FinishMessage } from "./buffer.ts";

/** One message to the object carries at most this many ends. */
const MAX_MESSAGES = 64;
/** And this many bytes of content, beyond the first end: an RPC value may have 32 MiB. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** An isolate has 128 MB in all. Beyond these, content is dropped, then calls: oldest first, and counted. */
const MAX_BODY_BYTES = 24 * 1024 * 1024;
const MAX_CALLS = 10_000;
/** A sender that took messages and said nothing for this long was cut off. */
const LEASE_MS = 30_000;
/** The same for one that was still gathering. */
const SENDER_GRACE_MS = 1_000;

interface Entry {
  message: FinishMessage;
  leasedUntil: number;
}

/**
 * Ends of calls that wait in the isolate for the ledger. Plain data only: whichever request's `waitUntil` sends
 * them may die, and then another takes over.
 */
export class FinishQueue {
  /** When the request that gathers will send; null when none does. */
  senderDueAt: number | null = null;
  readonly #entries = new Map<string, Entry>();
  #bodyBytes = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** Whether a whole message waits, so that there is nothing to gather for. */
  get isFull(): boolean {
    return this.#entries.size >= MAX_MESSAGES || this.#bodyBytes >= MAX_MESSAGE_BYTES;
  }

  needsSender(now: number): boolean {
    return this.senderDueAt === null || now > this.senderDueAt + SENDER_GRACE_MS;
  }

  /** Returns what had to be dropped to stay within the bounds. */
  add(message: FinishMessage): { calls: number; bodies: number } {
    if (!this.#entries.has(message.finish.id)) {
      this.#entries.set(message.finish.id, { message, leasedUntil: 0 });
      this.#bodyBytes += bodyBytes(message);
    }
    return this.#enforce();
  }

  /** The oldest messages that nobody is sending. */
  lease(now: number): FinishMessage[] {
    const messages: FinishMessage[] = [];
    let bytes = 0;
    for (const entry of this.#entries.values()) {
      if (entry.leasedUntil > now) continue;
      bytes += bodyBytes(entry.message);
      if (messages.length > 0 && bytes > MAX_MESSAGE_BYTES) break;
      entry.leasedUntil = now + LEASE_MS;
      messages.push(entry.message);
      if (messages.length === MAX_MESSAGES) break;
    }
    return messages;
  }

  /** The ledger has them. */
  settle(messages: readonly FinishMessage[]): void {
    for (const { finish } of messages) this.#remove(finish.id);
  }

  /** Sending them failed. */
  release(messages: readonly FinishMessage[]): void {
    for (const { finish } of messages) {
      const entry = this.#entries.get(finish.id);
      if (entry) entry.leasedUntil = 0;
    }
  }

  #enforce(): { calls: number; bodies: number } {
    const dropped = { calls: 0, bodies: 0 };
    for (const entry of this.#entries.values()) {
      if (this.#bodyBytes <= MAX_BODY_BYTES) break;
      dropped.bodies += entry.message.finish.bodies.length;
      this.#bodyBytes -= bodyBytes(entry.message);
      entry.message = { ...entry.message, finish: { ...entry.message.finish, bodies: [] } };
    }
    for (const id of this.#entries.keys()) {
      if (this.#entries.size <= MAX_CALLS) break;
      dropped.calls += 1;
      this.#remove(id);
    }
    return dropped;
  }

  #remove(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#bodyBytes -= bodyBytes(entry.message);
    this.#entries.delete(id);
  }
}

function bodyBytes(message: FinishMessage): number {
  return message.finish.bodies.reduce((sum, { body }) => sum + body.ciphertext.byteLength, 0);
}
