import { type BatchOptions, type LedgerBatch, readBatch } from "./batch.ts";
import { OpenCalls } from "./open-calls.ts";
import type { CallFinish, CallStart, StoredBody } from "./records.ts";
import { attemptColumns, endColumns, LOST_END, startRow } from "./row.ts";

const TABLES = `
  CREATE TABLE IF NOT EXISTS ready (
    id TEXT PRIMARY KEY, row TEXT NOT NULL, has_start INTEGER NOT NULL, attempts TEXT NOT NULL, bytes INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS ready_bodies (
    id TEXT NOT NULL, part TEXT NOT NULL, key_id TEXT NOT NULL, iv BLOB NOT NULL, ciphertext BLOB NOT NULL,
    compression TEXT NOT NULL, original_bytes INTEGER NOT NULL, truncated INTEGER NOT NULL,
    PRIMARY KEY (id, part)
  );
  CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
`;

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

/** How many rows go at once when the buffer is full. */
const DROP_STEP = 64;

/**
 * The ledger's records on their way to D1, in the object's own SQLite: what is in here survives an eviction
 * and leaves only when D1 has it, or when the limits force it out, which is counted.
 */
export class LedgerBuffer {
  readonly #sql: SqlStorage;
  readonly #open: OpenCalls;
  readonly #counters: Record<Counter, number>;
  #readyCalls: number;
  #readyBytes: number;
  #bodyBytes: number;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(TABLES);
    this.#open = new OpenCalls(sql);
    const ready = sql
      .exec<{ calls: number; bytes: number }>(
        "SELECT count(*) AS calls, coalesce(sum(bytes), 0) AS bytes FROM ready",
      )
      .one();
    this.#readyCalls = ready.calls;
    this.#readyBytes = ready.bytes;
    this.#bodyBytes = sql
      .exec<{ bytes: number }>("SELECT coalesce(sum(length(ciphertext)), 0) AS bytes FROM ready_bodies")
      .one().bytes;
    this.#counters = { droppedCalls: 0, droppedBodies: 0, rejectedCalls: 0, rejectedBodies: 0 };
    for (const row of sql.exec<{ name: Counter; value: number }>("SELECT name, value FROM counters")) {
      this.#counters[row.name] = row.value;
    }
  }

  get counts(): BufferCounts {
    return {
      openCalls: this.#open.size,
      readyCalls: this.#readyCalls,
      readyBytes: this.#readyBytes + 2 * this.#bodyBytes,
      bodyBytes: this.#bodyBytes,
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
    this.#open.add(starts);
  }

  /** Records ends. An end that is waiting already changes nothing. */
  addFinishes(messages: readonly FinishMessage[]): void {
    const ids = messages.map((message) => message.finish.id);
    const starts = new Map(this.#open.rows(ids).map((row) => [row.id, row]));
    // Given up on, not yet in D1, and here is its end after all.
    const lost = this.#sql
      .exec<IdRow>(
        "SELECT id, row FROM ready WHERE id IN (SELECT value FROM json_each(?1)) AND row->>'$.outcome' = 'lost'",
        JSON.stringify(ids),
      )
      .toArray();
    for (const row of lost) starts.set(row.id, JSON.parse(row.row));
    this.#removeReady(lost.map((row) => row.id));
    for (const { finish, start } of messages) {
      const begun = starts.get(finish.id) ?? (start ? startRow(start) : null);
      const attempts = finish.attempts.map((attempt) => attemptColumns(finish.id, attempt));
      const isNew = this.#addReady({
        id: finish.id,
        row: JSON.stringify({ id: finish.id, ...begun, ...endColumns(finish) }),
        hasStart: begun !== null,
        attempts: JSON.stringify(attempts),
      });
      if (isNew) for (const body of finish.bodies) this.#addBody(finish.id, body);
    }
    this.#open.forget(ids);
  }

  /** Gives up on calls that began before `startedBefore` and whose end never came. Returns how many. */
  markLost(startedBefore: number): number {
    const ids = this.#open.startedBefore(startedBefore);
    if (ids.length === 0) return 0;
    for (const row of this.#open.rows(ids)) {
      const lost = JSON.stringify({ ...row, ...LOST_END });
      this.#addReady({ id: row.id, row: lost, hasStart: true, attempts: "[]" });
    }
    this.#open.forget(ids);
    return ids.length;
  }

  /** The next batch for D1; null when nothing is due. */
  take(options: BatchOptions): LedgerBatch | null {
    return readBatch({ ...options, sql: this.#sql, open: this.#open });
  }

  /** D1 has this batch. */
  settle(batch: LedgerBatch): void {
    this.#removeReady(batch.readyIds);
    this.#open.markWritten(batch.startedIds);
  }

  /** D1 refuses this batch of one whatever the time: its content goes first, then the call. */
  reject(batch: LedgerBatch): void {
    if (batch.bodies.length > 0) {
      this.#count("rejectedBodies", this.#removeBodies(batch.readyIds));
      return;
    }
    this.#count("rejectedCalls", batch.readyIds.length + batch.startedIds.length);
    this.#removeReady(batch.readyIds);
    this.#open.forget(batch.startedIds);
  }

  /** Keeps the buffer inside its limits: the oldest content goes first, then the oldest calls. */
  enforce(limits: BufferLimits): { bodies: number; calls: number } {
    const dropped = { bodies: 0, calls: 0 };
    while (this.#bodyBytes > limits.maxBodyBytes) {
      const ids = this.#ids("SELECT DISTINCT id FROM ready_bodies ORDER BY id LIMIT 1");
      dropped.bodies += this.#removeBodies(ids);
    }
    while (this.#readyCalls > limits.maxCalls) {
      const excess = Math.min(DROP_STEP, this.#readyCalls - limits.maxCalls);
      const ids = this.#ids(`SELECT id FROM ready ORDER BY id LIMIT ${excess}`);
      dropped.calls += ids.length;
      this.#removeReady(ids);
    }
    dropped.calls += this.#open.trim(limits.maxCalls);
    this.#count("droppedBodies", dropped.bodies);
    this.#count("droppedCalls", dropped.calls);
    return dropped;
  }

  #addReady(entry: { id: string; row: string; hasStart: boolean; attempts: string }): boolean {
    const bytes = byteLength(entry.row) + byteLength(entry.attempts);
    const { rowsWritten } = this.#sql.exec(
      "INSERT INTO ready (id, row, has_start, attempts, bytes) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
      entry.id,
      entry.row,
      entry.hasStart ? 1 : 0,
      entry.attempts,
      bytes,
    );
    if (rowsWritten === 0) return false;
    this.#readyCalls += 1;
    this.#readyBytes += bytes;
    return true;
  }

  #addBody(id: string, { part, body, originalBytes, truncated }: StoredBody): void {
    const { rowsWritten } = this.#sql.exec(
      `INSERT INTO ready_bodies (id, part, key_id, iv, ciphertext, compression, original_bytes, truncated)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING`,
      id,
      part,
      body.keyId,
      exactBuffer(body.iv),
      exactBuffer(body.ciphertext),
      body.compression,
      originalBytes,
      truncated ? 1 : 0,
    );
    if (rowsWritten > 0) this.#bodyBytes += body.ciphertext.byteLength;
  }

  #removeReady(ids: readonly string[]): void {
    if (ids.length === 0) return;
    this.#removeBodies(ids);
    const removed = this.#sql.exec<{ bytes: number }>(
      "DELETE FROM ready WHERE id IN (SELECT value FROM json_each(?1)) RETURNING bytes",
      JSON.stringify(ids),
    );
    for (const { bytes } of removed) {
      this.#readyCalls -= 1;
      this.#readyBytes -= bytes;
    }
  }

  #removeBodies(ids: readonly string[]): number {
    let count = 0;
    const removed = this.#sql.exec<{ bytes: number }>(
      "DELETE FROM ready_bodies WHERE id IN (SELECT value FROM json_each(?1)) RETURNING length(ciphertext) AS bytes",
      JSON.stringify(ids),
    );
    for (const { bytes } of removed) {
      count += 1;
      this.#bodyBytes -= bytes;
    }
    return count;
  }

  #ids(query: string): string[] {
    return this.#sql
      .exec<{ id: string }>(query)
      .toArray()
      .map((row) => row.id);
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

type IdRow = { id: string; row: string };

function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

/** SQLite in the object takes an `ArrayBuffer`: a view into a larger one must not bring the rest along. */
function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const copy = new Uint8Array(bytes.byteLength);
  copy.set(bytes);
  return copy.buffer;
}
