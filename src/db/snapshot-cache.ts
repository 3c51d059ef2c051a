export interface SnapshotTimes {
  /** Younger than this: served as it is. */
  freshMs: number;
  /** Younger than this: served, and read again behind the response. */
  staleMs: number;
  /** Younger than this: served when the source fails or does not answer in time. */
  outageMs: number;
}

interface Entry<Value> {
  value: Value;
  readAt: number;
  /** No new read before this time: one is under way, or the last one failed. Plain data, not a shared promise. */
  nextReadAt: number;
}

export interface SnapshotRead<Value> {
  key: string;
  clock: () => number;
  waitUntil: (promise: Promise<unknown>) => void;
  /** Undefined: the source has no such thing; that is not remembered. */
  load: () => Promise<Value | undefined>;
}

/** How long a read is taken to be under way; after it another request tries (the first may have been cut off). */
const READ_LEASE_MS = 5_000;
/** A source that takes longer is treated as failing, where an old value can stand in. */
const LOAD_TIMEOUT_MS = 1_500;

/**
 * What an isolate remembers of D1 between requests: plain data with an age, never a promise or an I/O object
 * (workerd forbids sharing those). Bounded: the entry that was read from D1 longest ago goes first.
 */
export class SnapshotCache<Value> {
  readonly #times: SnapshotTimes;
  readonly #maxEntries: number;
  readonly #entries = new Map<string, Entry<Value>>();
  /** Counts changes made here, so that a read that began before one cannot undo it. */
  #epoch = 0;

  constructor(options: { times: SnapshotTimes; maxEntries: number }) {
    this.#times = options.times;
    this.#maxEntries = options.maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /**
   * The value: from memory when it is young enough, otherwise from the source; an old value stands in for a
   * failing source until `outageMs`.
   * @throws what `load` throws, when nothing young enough can stand in.
   */
  async read(options: SnapshotRead<Value>): Promise<Value | undefined> {
    const entry = this.#entries.get(options.key);
    if (!entry) return this.#load(options);
    const now = options.clock();
    const age = now - entry.readAt;
    if (age < this.#times.freshMs) return entry.value;
    if (age < this.#times.staleMs) {
      if (now >= entry.nextReadAt) {
        entry.nextReadAt = now + READ_LEASE_MS;
        options.waitUntil(this.#refresh(options));
      }
      return entry.value;
    }
    if (age >= this.#times.outageMs) return this.#load(options);
    if (now < entry.nextReadAt) return entry.value;
    entry.nextReadAt = now + READ_LEASE_MS;
    return this.#loadOrKeep(options, entry.value);
  }

  /** Takes a change made in this isolate at once: the new value of each entry, or undefined to forget it. */
  update(change: (value: Value, key: string) => Value | undefined): void {
    this.#epoch += 1;
    for (const [key, entry] of this.#entries) {
      const value = change(entry.value, key);
      if (value === undefined) this.#entries.delete(key);
      else entry.value = value;
    }
  }

  async #loadOrKeep(options: SnapshotRead<Value>, old: Value): Promise<Value | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<"timeout">((resolve) => {
      timer = setTimeout(() => resolve("timeout"), LOAD_TIMEOUT_MS);
    });
    const load = this.#load(options).then((value) => ({ value }));
    try {
      const first = await Promise.race([load, timeout]);
      if (first !== "timeout") return first.value;
      options.waitUntil(load.catch(warn));
      return old;
    } catch (error) {
      warn(error);
      return old;
    } finally {
      if (timer !== undefined) clearTimeout(timer);
    }
  }

  async #refresh(options: SnapshotRead<Value>): Promise<void> {
    try {
      await this.#load(options);
    } catch (error) {
      warn(error);
    }
  }

  async #load(options: SnapshotRead<Value>): Promise<Value | undefined> {
    const epoch = this.#epoch;
    const value = await options.load();
    if (epoch !== this.#epoch) return value;
    this.#entries.delete(options.key);
    if (value === undefined) return undefined;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < this.#maxEntries) break;
      this.#entries.delete(oldest);
    }
    this.#entries.set(options.key, { value, readAt: options.clock(), nextReadAt: 0 });
    return value;
  }
}

function warn(error: unknown): void {
  const kind = error instanceof Error ? error.name : typeof error;
  console.warn(JSON.stringify({ event: "snapshot_refresh_failed", error: kind }));
}
