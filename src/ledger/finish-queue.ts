import type { FinishMessage } from "./buffer.ts";
import type { StoredBody } from "./records.ts";

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

/** Content that is compressed and encrypted only when it is sent: behind the responses, and many at a time. */
export interface OpenContent {
  /** What it will take up, by and large. */
  bytes: number;
  seal: () => Promise<StoredBody[]>;
}

interface Entry {
  message: FinishMessage;
  content: OpenContent | null;
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
  add(message: FinishMessage, content: OpenContent | null = null): { calls: number; bodies: number } {
    if (!this.#entries.has(message.finish.id)) {
      const entry = { message, content, leasedUntil: 0 };
      this.#entries.set(message.finish.id, entry);
      this.#bodyBytes += bodyBytes(entry);
    }
    return this.#enforce();
  }

  /** The oldest messages that nobody is sending, with their content sealed. */
  async lease(now: number): Promise<FinishMessage[]> {
    const leased: Entry[] = [];
    let bytes = 0;
    for (const entry of this.#entries.values()) {
      if (entry.leasedUntil > now) continue;
      bytes += bodyBytes(entry);
      if (leased.length > 0 && bytes > MAX_MESSAGE_BYTES) break;
      entry.leasedUntil = now + LEASE_MS;
      leased.push(entry);
      if (leased.length === MAX_MESSAGES) break;
    }
    await Promise.all(leased.map((entry) => this.#seal(entry)));
    return leased.map(({ message }) => message);
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

  /** A call whose content cannot be sealed is recorded without it. */
  async #seal(entry: Entry): Promise<void> {
    const { content } = entry;
    if (content === null) return;
    let bodies: StoredBody[] = [];
    try {
      bodies = await content.seal();
    } catch (cause) {
      const { id } = entry.message.finish;
      console.error(JSON.stringify({ event: "ledger_content_failed", call: id, cause: String(cause) }));
    }
    // Dropped meanwhile, or sealed by another sender.
    if (entry.content !== content) return;
    const before = bodyBytes(entry);
    entry.content = null;
    entry.message = { ...entry.message, finish: { ...entry.message.finish, bodies } };
    if (this.#entries.get(entry.message.finish.id) === entry) this.#bodyBytes += bodyBytes(entry) - before;
  }

  #enforce(): { calls: number; bodies: number } {
    const dropped = { calls: 0, bodies: 0 };
    for (const entry of this.#entries.values()) {
      if (this.#bodyBytes <= MAX_BODY_BYTES) break;
      dropped.bodies += entry.message.finish.bodies.length + (entry.content === null ? 0 : 1);
      this.#bodyBytes -= bodyBytes(entry);
      entry.content = null;
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
    this.#bodyBytes -= bodyBytes(entry);
    this.#entries.delete(id);
  }
}

function bodyBytes({ message, content }: Entry): number {
  const sealed = message.finish.bodies.reduce((sum, { body }) => sum + body.ciphertext.byteLength, 0);
  return sealed + (content?.bytes ?? 0);
}
