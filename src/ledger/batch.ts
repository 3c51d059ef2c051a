import type { CallRow } from "../db/schema.ts";
import type { OpenCalls } from "./open-calls.ts";
import type { AttemptColumns, EndColumns } from "./row.ts";

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

export interface BatchOptions {
  maxCalls: number;
  /** One call goes whatever its size. */
  maxBytes: number;
  /** Open calls come along when they began before this time. */
  startedBefore: number;
}

type ReadyRow = { id: string; row: string; has_start: number; attempts: string; bytes: number };

/** The next batch for D1, the oldest calls first; null when nothing is due. It stays in the buffer. */
export function readBatch(options: BatchOptions & { sql: SqlStorage; open: OpenCalls }): LedgerBatch | null {
  const { sql, open, maxCalls, maxBytes, startedBefore } = options;
  const batch: LedgerBatch = {
    calls: [],
    endsOnly: [],
    attempts: [],
    bodies: [],
    readyIds: [],
    startedIds: [],
  };
  let bytes = 0;
  const ready = sql.exec<ReadyRow>(
    `SELECT id, row, has_start, attempts,
       bytes + 2 * (SELECT coalesce(sum(length(ciphertext)), 0) FROM ready_bodies WHERE ready_bodies.id = ready.id) AS bytes
     FROM ready ORDER BY id LIMIT ?1`,
    maxCalls,
  );
  for (const entry of ready) {
    if (batch.readyIds.length > 0 && bytes + entry.bytes > maxBytes) break;
    bytes += entry.bytes;
    batch.readyIds.push(entry.id);
    const row = JSON.parse(entry.row);
    if (entry.has_start) batch.calls.push(row);
    else batch.endsOnly.push(row);
    const attempts: AttemptColumns[] = JSON.parse(entry.attempts);
    batch.attempts.push(...attempts);
  }
  batch.bodies = bodiesOf(sql, batch.readyIds);
  const room = Math.max(0, maxCalls - batch.readyIds.length);
  batch.startedIds = open.unwrittenBefore(startedBefore).slice(0, room);
  batch.calls.push(...open.rows(batch.startedIds));
  return batch.readyIds.length + batch.startedIds.length > 0 ? batch : null;
}

function bodiesOf(sql: SqlStorage, ids: readonly string[]): BufferedBody[] {
  return sql
    .exec<{ [Field in keyof BufferedBody]: BufferedBody[Field] }>(
      `SELECT id AS callId, part, key_id AS keyId, hex(iv) AS ivHex, hex(ciphertext) AS ciphertextHex,
         compression, original_bytes AS originalBytes, truncated
       FROM ready_bodies WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id, part`,
      JSON.stringify(ids),
    )
    .toArray();
}
