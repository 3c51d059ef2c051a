import { type BatchOptions, type LedgerBatch, makeBatch } from "./batch.ts";
import { type BufferedCall, type BufferScan, type ScanOptions, scanBuffered } from "./buffer-reader.ts";
import { type EndedCall, EndedCalls } from "./ended-calls.ts";
import { OpenCalls } from "./open-calls.ts";
import type { CallFinish, CallStart, StoredBody } from "./records.ts";
import { attemptColumns, endColumns, LOST_END, startColumns } from "./row.ts";

/** A finish with the start that belongs to it, where the sender cannot be sure that the start arrived. */
export interface FinishMessage {
  finish: CallFinish;
  start: CallStart | null;
}

export interface BufferLimits {
  /** Ended calls that may wait for D1, and calls that may be open; beyond it the oldest are dropped. */
  maxCalls: number;
  /** Bytes of content that may wait; beyond it the oldest content is dropped, its calls stay. */
  maxBodyBytes: number;
}

export interface BufferCounts {
  openCalls: number;
  readyCalls: number;
  readyBytes: number;
  bodyBytes: number;
  droppedCalls: number;
  droppedBodies: number;
  rejectedCalls: number;
  rejectedBodies: number;
}

type Counter = "droppedCalls" | "droppedBodies" | "rejectedCalls" | "rejectedBodies";

/**
 * The ledger's records on their way to D1, in the object's own SQLite: what is in here survives an eviction
 * and leaves only when D1 has it, or when the limits force it out, which is counted.
 */
export class LedgerBuffer {
  readonly #sql: SqlStorage;
  readonly #open: OpenCalls;
  readonly #ended: EndedCalls;
  readonly #counters: Record<Counter, number>;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#ended = new EndedCalls(sql);
    this.#open = new OpenCalls({ sql, hasEnd: (id) => this.#ended.has(id) });
    this.#counters = { droppedCalls: 0, droppedBodies: 0, rejectedCalls: 0, rejectedBodies: 0 };
    sql.exec(
      "CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    );
    for (const row of sql.exec<{ name: Counter; value: number }>("SELECT name, value FROM counters")) {
      this.#counters[row.name] = row.value;
    }
  }

  get counts(): BufferCounts {
    return {
      openCalls: this.#open.size,
      readyCalls: this.#ended.size,
      readyBytes: this.#ended.characters,
      bodyBytes: this.#ended.bodyBytes,
      ...this.#counters,
    };
  }

  /** When the oldest open call began that D1 does not know yet; null when there is none. */
  get oldestUnwritten(): number | null {
    return this.#open.oldestUnwritten;
  }

  /** When the oldest open call began that D1 knows already. */
  get oldestWritten(): number | null {
    return this.#open.oldestWritten;
  }

  /** Records starts. A start of a call that is known already changes nothing. */
  addStarts(starts: readonly CallStart[]): void {
    this.#open.add(starts.filter(({ id }) => !this.#ended.has(id)));
  }

  /** Records ends. An end that is waiting already changes nothing. */
  addFinishes(messages: readonly FinishMessage[]): void {
    const ends = new Map<string, { call: EndedCall; bodies: readonly StoredBody[] }>();
    const lost: string[] = [];
    for (const { finish, start } of messages) {
      const { id } = finish;
      if (ends.has(id)) continue;
      const known = this.#ended.get(id);
      // Given up on, not yet in D1, and here is its end after all.
      const isLost = known?.row.outcome === "lost";
      if (known !== null && !isLost) continue;
      if (isLost) lost.push(id);
      const begun =
        this.#open.row(id) ?? (isLost ? known.row : null) ?? (start === null ? null : startColumns(start));
      const attempts = finish.attempts.map((attempt) => attemptColumns(id, attempt));
      const end = endColumns(finish);
      const call: EndedCall =
        begun !== null && "projectId" in begun
          ? { id, attempts, hasStart: true, row: { ...begun, ...end } }
          : { id, attempts, hasStart: false, row: { id, ...end } };
      ends.set(id, { call, bodies: finish.bodies });
    }
    this.#removeEnded(lost);
    this.#ended.add([...ends.values()]);
    this.#open.end([...ends.keys()]);
  }

  /** Gives up on calls that began before `startedBefore` and whose end never came. Returns how many. */
  markLost(startedBefore: number): number {
    const ids = this.#open.startedBefore(startedBefore);
    if (ids.length === 0) return 0;
    this.#ended.add(
      this.#open.rows(ids).map((row) => ({
        call: { id: row.id, attempts: [], hasStart: true, row: { ...row, ...LOST_END } },
        bodies: [],
      })),
    );
    this.#open.end(ids);
    return ids.length;
  }

  /** One buffered call whose start is known. */
  read(id: string): BufferedCall | null {
    const ended = this.#ended.get(id);
    if (ended?.hasStart) {
      const bodies = this.#ended.bodies([id]).map(({ stored }) => stored);
      return { row: ended.row, attempts: ended.attempts, bodies };
    }
    const row = this.#open.row(id);
    return row && { row, attempts: [], bodies: [] };
  }

  /** The buffered calls whose start is known, newest first. */
  scan(options: ScanOptions): BufferScan {
    return scanBuffered({ ...options, open: this.#open, ended: this.#ended });
  }

  /** The next batch for D1; null when nothing is due. */
  take(options: BatchOptions): LedgerBatch | null {
    return makeBatch({ ...options, open: this.#open, ended: this.#ended });
  }

  /** D1 has this batch. */
  settle(batch: LedgerBatch): void {
    this.#removeEnded(batch.readyIds);
    this.#open.markWritten(batch.startedIds);
  }

  /** D1 refuses this batch of one whatever the time: its content goes first, then the call. */
  reject(batch: LedgerBatch): void {
    if (batch.bodies.length > 0) {
      this.#count("rejectedBodies", this.#ended.removeBodies(batch.readyIds));
      return;
    }
    this.#count("rejectedCalls", batch.readyIds.length + batch.startedIds.length);
    this.#removeEnded(batch.readyIds);
    this.#open.forget(batch.startedIds);
  }

  /** Keeps the buffer inside its limits: the oldest content goes first, then the oldest calls. */
  enforce(limits: BufferLimits): { bodies: number; calls: number } {
    const dropped = { bodies: 0, calls: 0 };
    while (this.#ended.bodyBytes > limits.maxBodyBytes) dropped.bodies += this.#ended.dropOldestContent();
    const excess = this.#ended.size - limits.maxCalls;
    if (excess > 0) {
      this.#removeEnded(this.#ended.ids(excess));
      dropped.calls += excess;
    }
    dropped.calls += this.#open.trim(limits.maxCalls);
    this.#count("droppedBodies", dropped.bodies);
    this.#count("droppedCalls", dropped.calls);
    return dropped;
  }

  #removeEnded(ids: readonly string[]): void {
    if (ids.length === 0) return;
    this.#open.forgetEnded();
    this.#ended.remove(ids);
  }

  #count(name: Counter, by: number): void {
    if (by === 0) return;
    this.#counters[name] += by;
    this.#sql.exec(
      "INSERT INTO counters (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      name,
      this.#counters[name],
    );
  }
}
