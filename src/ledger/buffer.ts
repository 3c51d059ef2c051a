import type { CallRow } from "../db/schema.ts";
import type { CallFinish, CallStart, StoredBody } from "./records.ts";
import {
  type AttemptColumns,
  attemptColumns,
  type EndColumns,
  endColumns,
  LOST_END,
  startRow,
} from "./row.ts";

const TABLES = `
  CREATE TABLE IF NOT EXISTS open (
    id TEXT PRIMARY KEY, row TEXT NOT NULL, started_at INTEGER NOT NULL, written INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
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

/** A body on its way to D1; bytes in hex, the form in which JSON and SQLite's `unhex` carry them. */
export interface BufferedBody {
  callId: string;
  part: string;
  keyId: string;
  ivHex: string;
  ciphertextHex: string;
  compression: string;
  originalBytes: number;
  truncated: number;
}

/** What one D1 batch carries. */
export interface LedgerBatch {
  /** Calls that ended, and calls that have run for a while (their outcome is null). */
  calls: CallRow[];
  /** Ends whose start this object never saw: they update a row that D1 may have. */
  endsOnly: (EndColumns & { id: string })[];
  attempts: AttemptColumns[];
  bodies: BufferedBody[];
  readyIds: string[];
  startedIds: string[];
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
  /** Ids of open calls with their start, oldest first; those that D1 does not know yet, and those that it does. */
  readonly #unwritten = new Map<string, number>();
  readonly #written = new Map<string, number>();
  readonly #counters: Record<Counter, number>;
  #readyCalls: number;
  #readyBytes: number;
  #bodyBytes: number;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(TABLES);
    for (const row of sql.exec<{ id: string; started_at: number; written: number }>(
      "SELECT id, started_at, written FROM open ORDER BY id",
    )) {
      (row.written ? this.#written : this.#unwritten).set(row.id, row.started_at);
    }
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
      openCalls: this.#unwritten.size + this.#written.size,
      readyCalls: this.#readyCalls,
      readyBytes: this.#readyBytes + 2 * this.#bodyBytes,
      bodyBytes: this.#bodyBytes,
      ...this.#counters,
    };
  }

  /** When the oldest open call began that D1 does not know yet; null when there is none. */
  get oldestUnwritten(): number | null {
    return first(this.#unwritten.values());
  }

  /** When the oldest open call began that D1 knows already. */
  get oldestWritten(): number | null {
    return first(this.#written.values());
  }

  /** Records starts; one statement for all of them. A start of a call that has ended already changes nothing. */
  addStarts(starts: readonly CallStart[]): void {
    const rows = starts.map((start) => ({
      id: start.id,
      at: start.startedAt,
      row: JSON.stringify(startRow(start)),
    }));
    const added = this.#sql.exec<{ id: string; started_at: number }>(
      `INSERT INTO open (id, row, started_at)
       SELECT value->>'$.id', value->>'$.row', value->>'$.at' FROM json_each(?1)
       WHERE NOT EXISTS (SELECT 1 FROM ready WHERE ready.id = value->>'$.id')
       ON CONFLICT DO NOTHING RETURNING id, started_at`,
      JSON.stringify(rows),
    );
    for (const row of added) this.#unwritten.set(row.id, row.started_at);
  }

  /** Records ends. An end that is waiting already changes nothing. */
  addFinishes(messages: readonly FinishMessage[]): void {
    const ids = JSON.stringify(messages.map((message) => message.finish.id));
    const starts = new Map<string, CallRow>();
    const open = "SELECT id, row FROM open WHERE id IN (SELECT value FROM json_each(?1))";
    for (const row of this.#sql.exec<IdRow>(open, ids)) starts.set(row.id, JSON.parse(row.row));
    // Given up on, not yet in D1, and here is its end after all.
    const lost = this.#sql
      .exec<IdRow>(
        "SELECT id, row FROM ready WHERE id IN (SELECT value FROM json_each(?1)) AND row->>'$.outcome' = 'lost'",
        ids,
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
    this.#forgetOpen(ids);
  }

  /** Gives up on calls that began before `startedBefore` and whose end never came. Returns how many. */
  markLost(startedBefore: number): number {
    const due = [this.#unwritten, this.#written].flatMap((calls) => idsBefore(calls, startedBefore));
    if (due.length === 0) return 0;
    const ids = JSON.stringify(due);
    const open = this.#sql
      .exec<{ id: string; row: string }>(
        "SELECT id, row FROM open WHERE id IN (SELECT value FROM json_each(?1))",
        ids,
      )
      .toArray();
    for (const { id, row } of open) {
      this.#addReady({
        id,
        row: JSON.stringify({ ...(JSON.parse(row) as CallRow), ...LOST_END }),
        hasStart: true,
        attempts: "[]",
      });
    }
    this.#forgetOpen(ids);
    return open.length;
  }

  /**
   * The next batch for D1, the oldest calls first; null when nothing is due. At least one call, and no more than
   * `maxBytes` beyond that. Open calls come along when they began before `startedBefore`.
   */
  take(options: { maxCalls: number; maxBytes: number; startedBefore: number }): LedgerBatch | null {
    const batch: LedgerBatch = {
      calls: [],
      endsOnly: [],
      attempts: [],
      bodies: [],
      readyIds: [],
      startedIds: [],
    };
    let bytes = 0;
    const ready = this.#sql.exec<ReadyRow>(
      `SELECT id, row, has_start, attempts,
         bytes + 2 * (SELECT coalesce(sum(length(ciphertext)), 0) FROM ready_bodies WHERE ready_bodies.id = ready.id) AS bytes
       FROM ready ORDER BY id LIMIT ?1`,
      options.maxCalls,
    );
    for (const entry of ready) {
      if (batch.readyIds.length > 0 && bytes + entry.bytes > options.maxBytes) break;
      bytes += entry.bytes;
      batch.readyIds.push(entry.id);
      const row = JSON.parse(entry.row);
      if (entry.has_start) batch.calls.push(row);
      else batch.endsOnly.push(row);
      batch.attempts.push(...(JSON.parse(entry.attempts) as AttemptColumns[]));
    }
    batch.bodies = this.#bodiesOf(batch.readyIds);
    batch.startedIds = idsBefore(this.#unwritten, options.startedBefore).slice(
      0,
      Math.max(0, options.maxCalls - batch.readyIds.length),
    );
    for (const { row } of this.#sql.exec<{ row: string }>(
      "SELECT row FROM open WHERE id IN (SELECT value FROM json_each(?1))",
      JSON.stringify(batch.startedIds),
    )) {
      batch.calls.push(JSON.parse(row));
    }
    return batch.readyIds.length + batch.startedIds.length > 0 ? batch : null;
  }

  /** D1 has this batch. */
  settle(batch: LedgerBatch): void {
    this.#removeReady(batch.readyIds);
    this.#sql.exec(
      "UPDATE open SET written = 1 WHERE id IN (SELECT value FROM json_each(?1))",
      JSON.stringify(batch.startedIds),
    );
    for (const id of batch.startedIds) {
      const startedAt = this.#unwritten.get(id);
      if (startedAt === undefined) continue;
      this.#unwritten.delete(id);
      this.#written.set(id, startedAt);
    }
  }

  /** D1 refuses this batch of one whatever the time: its content goes first, then the call. */
  reject(batch: LedgerBatch): void {
    if (batch.bodies.length > 0) {
      this.#count("rejectedBodies", this.#removeBodies(batch.readyIds));
      return;
    }
    this.#count("rejectedCalls", batch.readyIds.length + batch.startedIds.length);
    this.#removeReady(batch.readyIds);
    this.#forgetOpen(JSON.stringify(batch.startedIds));
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
    const open = this.#unwritten.size + this.#written.size;
    if (open > limits.maxCalls) {
      const ids = this.#ids(`SELECT id FROM open ORDER BY id LIMIT ${open - limits.maxCalls}`);
      dropped.calls += ids.length;
      this.#forgetOpen(JSON.stringify(ids));
    }
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

  #bodiesOf(ids: readonly string[]): BufferedBody[] {
    return this.#sql
      .exec<Record<keyof BufferedBody, string | number>>(
        `SELECT id AS callId, part, key_id AS keyId, hex(iv) AS ivHex, hex(ciphertext) AS ciphertextHex,
           compression, original_bytes AS originalBytes, truncated
         FROM ready_bodies WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id, part`,
        JSON.stringify(ids),
      )
      .toArray() as unknown as BufferedBody[];
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

  #forgetOpen(ids: string): void {
    const removed = this.#sql.exec<{ id: string }>(
      "DELETE FROM open WHERE id IN (SELECT value FROM json_each(?1)) RETURNING id",
      ids,
    );
    for (const { id } of removed) {
      this.#unwritten.delete(id);
      this.#written.delete(id);
    }
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
type ReadyRow = { id: string; row: string; has_start: number; attempts: string; bytes: number };

function first(values: Iterable<number>): number | null {
  for (const value of values) return value;
  return null;
}

/** The ids at the front of a map in order of age; it stops at the first that is not due. */
function idsBefore(calls: ReadonlyMap<string, number>, before: number): string[] {
  const ids: string[] = [];
  for (const [id, startedAt] of calls) {
    if (startedAt >= before || ids.length >= MAX_DUE) break;
    ids.push(id);
  }
  return ids;
}

const MAX_DUE = 1_000;

function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

/** SQLite in the object takes an `ArrayBuffer`: a view into a larger one must not bring the rest along. */
function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const copy = new Uint8Array(bytes.byteLength);
  copy.set(bytes);
  return copy.buffer;
}
