import type { CallRow } from "../db/schema.ts";
import { type CallFilter, matchesFilter } from "./call-filter.ts";
import type { StoredBody } from "./records.ts";
import { type AttemptColumns, NO_END } from "./row.ts";

export interface BufferedCall {
  row: CallRow;
  attempts: AttemptColumns[];
  bodies: StoredBody[];
}

export interface ScanOptions {
  filter: CallFilter;
  /** Ids below this one; null: from the newest. */
  before: string | null;
  /** Ids from this one on; null: down to the oldest. */
  from: string | null;
  limit: number;
}

export interface BufferScan {
  /** Newest first. */
  rows: CallRow[];
  /** The scan is complete down to this id, itself included; null: it is complete. */
  floor: string | null;
  /** Calls that D1 may still show as running and that would match as such, but have ended and do not. */
  ended: string[];
}

/** How many buffered calls one scan looks at; more wait only while D1 is down. */
const MAX_SCANNED = 5_000;

/** One buffered call whose start is known. */
export function readBuffered(sql: SqlStorage, id: string): BufferedCall | null {
  const ready = sql
    .exec<{ row: string; attempts: string }>(
      "SELECT row, attempts FROM ready WHERE id = ?1 AND has_start",
      id,
    )
    .toArray()[0];
  if (ready) {
    return { row: JSON.parse(ready.row), attempts: JSON.parse(ready.attempts), bodies: bodiesOf(sql, id) };
  }
  const open = sql.exec<{ row: string }>("SELECT row FROM open WHERE id = ?1", id).toArray()[0];
  return open ? { row: JSON.parse(open.row), attempts: [], bodies: [] } : null;
}

export function scanBuffered(sql: SqlStorage, options: ScanOptions): BufferScan {
  const rows: CallRow[] = [];
  const ended: string[] = [];
  let scanned = 0;
  let last: string | null = null;
  const cursor = sql.exec<{ id: string; row: string }>(
    `SELECT id, row FROM open WHERE (?1 IS NULL OR id < ?1) AND (?2 IS NULL OR id >= ?2)
     UNION ALL
     SELECT id, row FROM ready WHERE has_start AND (?1 IS NULL OR id < ?1) AND (?2 IS NULL OR id >= ?2)
     ORDER BY id DESC`,
    options.before,
    options.from,
  );
  for (const { id, row } of cursor) {
    if (rows.length >= options.limit || scanned >= MAX_SCANNED) return { rows, floor: last, ended };
    scanned += 1;
    last = id;
    const call: CallRow = JSON.parse(row);
    if (matchesFilter(call, options.filter)) rows.push(call);
    else if (matchesFilter({ ...call, ...NO_END }, options.filter)) ended.push(id);
  }
  return { rows, floor: null, ended };
}

function bodiesOf(sql: SqlStorage, id: string): StoredBody[] {
  return sql
    .exec<{
      part: StoredBody["part"];
      key_id: string;
      iv: ArrayBuffer;
      ciphertext: ArrayBuffer;
      compression: "gzip" | "none";
      original_bytes: number;
      truncated: number;
    }>(
      `SELECT part, key_id, iv, ciphertext, compression, original_bytes, truncated
       FROM ready_bodies WHERE id = ?1 ORDER BY part`,
      id,
    )
    .toArray()
    .map((row) => ({
      part: row.part,
      body: {
        keyId: row.key_id,
        iv: new Uint8Array(row.iv),
        ciphertext: new Uint8Array(row.ciphertext),
        compression: row.compression,
      },
      originalBytes: row.original_bytes,
      truncated: row.truncated === 1,
    }));
}
