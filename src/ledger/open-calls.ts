import type { CallRow } from "../db/schema.ts";
import type { CallStart } from "./records.ts";
import { startRow } from "./row.ts";

const TABLE = `
  CREATE TABLE IF NOT EXISTS open (
    id TEXT PRIMARY KEY, row TEXT NOT NULL, started_at INTEGER NOT NULL, written INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID`;

/** How many calls are given up, or sent to D1 as running, at a time. */
const MAX_DUE = 1_000;

/**
 * The calls that have begun and not ended, in the object's SQLite; their times also in memory, so that the next
 * that is due is found without a scan.
 */
export class OpenCalls {
  readonly #sql: SqlStorage;
  /** Ids with their start, oldest first: those that D1 does not know yet, and those that it does. */
  readonly #unwritten = new Map<string, number>();
  readonly #written = new Map<string, number>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(TABLE);
    for (const row of sql.exec<{ id: string; started_at: number; written: number }>(
      "SELECT id, started_at, written FROM open ORDER BY id",
    )) {
      (row.written ? this.#written : this.#unwritten).set(row.id, row.started_at);
    }
  }

  get size(): number {
    return this.#unwritten.size + this.#written.size;
  }

  /** When the oldest call began that D1 does not know yet; null when there is none. */
  get oldestUnwritten(): number | null {
    return first(this.#unwritten.values());
  }

  /** When the oldest call began that D1 knows already. */
  get oldestWritten(): number | null {
    return first(this.#written.values());
  }

  /** One statement for all of them. A start of a call that is known already, open or ended, changes nothing. */
  add(starts: readonly CallStart[]): void {
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

  rows(ids: readonly string[]): CallRow[] {
    return this.#sql
      .exec<{ row: string }>(
        "SELECT row FROM open WHERE id IN (SELECT value FROM json_each(?1))",
        JSON.stringify(ids),
      )
      .toArray()
      .map(({ row }) => JSON.parse(row));
  }

  /** The oldest calls that began before a time and that D1 does not know yet. */
  unwrittenBefore(startedBefore: number): string[] {
    return idsBefore(this.#unwritten, startedBefore);
  }

  /** The oldest calls that began before a time. */
  startedBefore(time: number): string[] {
    return [...idsBefore(this.#unwritten, time), ...idsBefore(this.#written, time)];
  }

  /** D1 knows these now. */
  markWritten(ids: readonly string[]): void {
    if (ids.length === 0) return;
    this.#sql.exec(
      "UPDATE open SET written = 1 WHERE id IN (SELECT value FROM json_each(?1))",
      JSON.stringify(ids),
    );
    for (const id of ids) {
      const startedAt = this.#unwritten.get(id);
      if (startedAt === undefined) continue;
      this.#unwritten.delete(id);
      this.#written.set(id, startedAt);
    }
  }

  forget(ids: readonly string[]): void {
    const removed = this.#sql.exec<{ id: string }>(
      "DELETE FROM open WHERE id IN (SELECT value FROM json_each(?1)) RETURNING id",
      JSON.stringify(ids),
    );
    for (const { id } of removed) {
      this.#unwritten.delete(id);
      this.#written.delete(id);
    }
  }

  /** Forgets the oldest beyond a number; returns how many. */
  trim(maxCalls: number): number {
    if (this.size <= maxCalls) return 0;
    const oldest = this.#sql
      .exec<{ id: string }>("SELECT id FROM open ORDER BY id LIMIT ?1", this.size - maxCalls)
      .toArray();
    this.forget(oldest.map(({ id }) => id));
    return oldest.length;
  }
}

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
