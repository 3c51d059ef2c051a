import { getTableColumns } from "drizzle-orm";
import { jsonChunks, travelsInHex } from "../db/json-chunks.ts";
import { attempts, calls } from "../db/schema.ts";
import { toHex } from "../security/derive.ts";
import type { LedgerBatch } from "./batch.ts";
import { ROLL_UP_CALLS, ROLL_UP_ENDS } from "./rollup-sql.ts";
import { END_COLUMNS } from "./row.ts";

/** The part of D1 that the ledger writes through; a test can put a failing one in its place. */
export type LedgerDatabase = Pick<D1Database, "prepare" | "batch">;

type Column = { property: string; name: string };

const CALL_COLUMNS = columnsOf(getTableColumns(calls));
const ATTEMPT_COLUMNS = columnsOf(getTableColumns(attempts)).filter(({ name }) => name !== "project_id");
const ENDED = new Set<string>(END_COLUMNS);
const END_ONLY_COLUMNS = CALL_COLUMNS.filter(({ property }) => ENDED.has(property));

/** An end is written once: it replaces only "still running" and "lost". */
const MAY_END = "(calls.outcome IS NULL OR calls.outcome = 'lost')";

const UPSERT_CALLS = `
  INSERT INTO calls (${names(CALL_COLUMNS)})
  SELECT ${values(CALL_COLUMNS, "each.value")} FROM json_each(?1) AS each WHERE true
  ON CONFLICT (id) DO UPDATE SET ${END_ONLY_COLUMNS.map(({ name }) => `${name} = excluded.${name}`).join(", ")}
  WHERE excluded.outcome IS NOT NULL AND excluded.outcome IS NOT calls.outcome AND ${MAY_END}`;

const END_CALLS = `
  UPDATE calls SET ${END_ONLY_COLUMNS.map(({ property, name }) => `${name} = each.value->>'$.${property}'`).join(", ")}
  FROM json_each(?1) AS each WHERE calls.id = each.value->>'$.id' AND ${MAY_END}`;

const INSERT_ATTEMPTS = `
  INSERT INTO attempts (project_id, ${names(ATTEMPT_COLUMNS)})
  SELECT calls.project_id, ${values(ATTEMPT_COLUMNS, "each.value")}
  FROM json_each(?1) AS each JOIN calls ON calls.id = each.value->>'$.callId' WHERE true
  ON CONFLICT DO NOTHING`;

const BODY_COLUMNS =
  "project_id, call_id, part, key_id, iv, ciphertext, compression, original_bytes, truncated";
const INSERT_BODIES = `
  INSERT INTO bodies (${BODY_COLUMNS})
  SELECT calls.project_id, calls.id, each.value->>'$.part', each.value->>'$.keyId', unhex(each.value->>'$.ivHex'),
    unhex(each.value->>'$.ciphertextHex'), each.value->>'$.compression', each.value->>'$.originalBytes',
    each.value->>'$.truncated'
  FROM json_each(?1) AS each JOIN calls ON calls.id = each.value->>'$.callId' WHERE true
  ON CONFLICT DO NOTHING`;
/** A body too large to travel in hex goes as bytes, alone. */
const INSERT_LARGE_BODY = `
  INSERT INTO bodies (${BODY_COLUMNS})
  SELECT calls.project_id, calls.id, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM calls WHERE calls.id = ?1
  ON CONFLICT DO NOTHING`;

/**
 * A batch as D1 statements, to be run in one `batch()` (one transaction): calls with what they add to their hours, then attempts, then bodies.
 * Each passes any number of rows as one bound parameter. Running it again changes nothing.
 */
export function ledgerStatements(db: LedgerDatabase, batch: LedgerBatch): D1PreparedStatement[] {
  const statements: D1PreparedStatement[] = [];
  const add = (sql: string, rows: readonly object[]) => {
    for (const json of jsonChunks(rows)) statements.push(db.prepare(sql).bind(json));
  };
  add(ROLL_UP_CALLS, batch.calls);
  add(UPSERT_CALLS, batch.calls);
  add(ROLL_UP_ENDS, batch.endsOnly);
  add(END_CALLS, batch.endsOnly);
  add(INSERT_ATTEMPTS, batch.attempts);
  const inHex = ({ stored }: LedgerBatch["bodies"][number]) => travelsInHex(stored.body.ciphertext);
  add(INSERT_BODIES, batch.bodies.filter(inHex).map(hexBody));
  for (const { callId, stored } of batch.bodies.filter((body) => !inHex(body))) {
    const { keyId, iv, ciphertext, compression } = stored.body;
    const { part, originalBytes, truncated } = stored;
    statements.push(
      db
        .prepare(INSERT_LARGE_BODY)
        .bind(callId, part, keyId, iv, ciphertext, compression, originalBytes, truncated ? 1 : 0),
    );
  }
  return statements;
}

function columnsOf(columns: Record<string, { name: string }>): Column[] {
  return Object.entries(columns).map(([property, { name }]) => ({ property, name }));
}

function names(columns: readonly Column[]): string {
  return columns.map(({ name }) => name).join(", ");
}

function values(columns: readonly Column[], json: string): string {
  return columns.map(({ property }) => `${json}->>'$.${property}'`).join(", ");
}

/** Bytes travel in hex, the form in which JSON and SQLite's `unhex` carry them. */
function hexBody({ callId, stored }: LedgerBatch["bodies"][number]): object {
  const { part, body, originalBytes, truncated } = stored;
  return {
    callId,
    part,
    keyId: body.keyId,
    ivHex: toHex(body.iv),
    ciphertextHex: toHex(body.ciphertext),
    compression: body.compression,
    originalBytes,
    truncated: truncated ? 1 : 0,
  };
}
