import { type AnyColumn, and, desc, eq, gte, isNull, lt, type SQL, sql } from "drizzle-orm";
import { database } from "../db/client.ts";
import { calls } from "../db/schema.ts";
import type { Env } from "../env.ts";
import type { BufferScan } from "./buffer-reader.ts";
import type { CallFilter } from "./call-filter.ts";
import { firstIdAt, ledgerShards } from "./call-id.ts";
import { type CallPage, type CallScan, mergeScans } from "./merge-scans.ts";
import { ledgerShard } from "./shards.ts";
import { withTimeout } from "./with-timeout.ts";

/**
 * How many calls one page looks at. A rare filter over a large table would otherwise read all of it; now it
 * answers with what it found and a cursor to go on from.
 */
const MAX_SCANNED = 10_000;
/** A source that does not answer in this time is left out, and the page says so. */
const SOURCE_TIMEOUT_MS = 5_000;

export interface CallListQuery extends CallFilter {
  /** Calls that began at this time or later; milliseconds since the epoch. */
  since?: number;
  /** Calls that began before this time. */
  until?: number;
  /** From the page before; ids below this one. */
  before?: string;
  /** 1 to 200. */
  limit: number;
}

export interface CallList extends CallPage {
  /** False when a source did not answer: D1 is down (what the ledger still holds is shown), or a ledger object. */
  complete: boolean;
}

/**
 * One page of a project's calls, newest first, by keyset: no OFFSET and no total. Calls that are not in D1 yet
 * are read from the ledger objects, first, so that a call on its way is seen in one place at least.
 */
export async function listCalls(options: {
  env: Pick<Env, "DB" | "LEDGER" | "ROUTELET_LEDGER_SHARDS">;
  query: CallListQuery;
}): Promise<CallList> {
  const { env, query } = options;
  const range = idRange(query);
  const scan = { filter: filterOf(query), ...range, limit: query.limit + 1 };
  const shards = Array.from({ length: ledgerShards(env) }, (_, shard) => shard);
  const buffered = await Promise.all(
    shards.map((shard) => orNull("ledger", async () => ledgerShard(env, shard).scan(scan))),
  );
  const stored = await orNull("d1", () => scanD1({ db: env.DB, query, ...range }));

  const ended = new Set(buffered.flatMap((result) => result?.ended ?? []));
  const current = stored && { ...stored, rows: stored.rows.filter((row) => !ended.has(row.id)) };
  const scans: (CallScan | null)[] = [...buffered, current];
  const page = mergeScans({ scans: scans.filter((result) => result !== null), limit: query.limit });
  return { ...page, complete: !scans.includes(null) };
}

function idRange(query: CallListQuery): { before: string | null; from: string | null } {
  const until = query.until === undefined ? null : firstIdAt(query.until);
  const cursor = query.before ?? null;
  const before = until === null || (cursor !== null && cursor < until) ? cursor : until;
  return { before, from: query.since === undefined ? null : firstIdAt(query.since) };
}

function filterOf(query: CallListQuery): CallFilter {
  const { since: _since, until: _until, before: _before, limit: _limit, ...filter } = query;
  return filter;
}

async function scanD1(options: {
  db: D1Database;
  query: CallListQuery;
  before: string | null;
  from: string | null;
}): Promise<CallScan> {
  const { query, before, from } = options;
  const db = database(options.db);
  const inRange = and(
    eq(calls.projectId, query.projectId),
    before === null ? undefined : lt(calls.id, before),
    from === null ? undefined : gte(calls.id, from),
  );
  const window = db
    .select()
    .from(calls)
    .where(inRange)
    .orderBy(desc(calls.id))
    .limit(MAX_SCANNED)
    .as("scanned");
  const conditions = filterConditions(query, window);
  const limit = query.limit + 1;
  const rows = await db
    .select()
    .from(window)
    .where(and(...conditions))
    .orderBy(desc(window.id))
    .limit(limit);
  const last = rows.at(-1);
  if (rows.length === limit && last !== undefined) return { rows, floor: last.id };
  if (conditions.length === 0) return { rows, floor: null };
  return { rows, floor: await scanFloor(db, inRange) };
}

/** The last id that a scan which found too little looked at; null when it saw the whole range. */
async function scanFloor(db: ReturnType<typeof database>, inRange: SQL | undefined): Promise<string | null> {
  const ids = db
    .select({ id: calls.id })
    .from(calls)
    .where(inRange)
    .orderBy(desc(calls.id))
    .limit(MAX_SCANNED)
    .as("ids");
  const [seen] = await db
    .select({ floor: sql<string | null>`min(${ids.id})`, rows: sql<number>`count(${ids.id})` })
    .from(ids);
  return seen !== undefined && seen.rows === MAX_SCANNED ? seen.floor : null;
}

type Columns = Record<
  "requestedModel" | "servedBy" | "outcome" | "status" | "task" | "session" | "keyId",
  AnyColumn
>;

/** The same question that `matchesFilter` asks of a row that is not in D1 yet; a test holds them together. */
function filterConditions(filter: CallFilter, table: Columns): SQL[] {
  const conditions: SQL[] = [];
  if (filter.model !== undefined) conditions.push(eq(table.requestedModel, filter.model));
  if (filter.servedBy !== undefined) {
    conditions.push(sql`substr(${table.servedBy}, 1, length(${filter.servedBy})) = ${filter.servedBy}`);
  }
  if (filter.outcome === "running") conditions.push(isNull(table.outcome));
  else if (filter.outcome !== undefined) conditions.push(eq(table.outcome, filter.outcome));
  if (filter.status !== undefined) conditions.push(eq(table.status, filter.status));
  if (filter.tasks !== undefined) {
    // One parameter, however many there are: a statement takes a hundred.
    const names = JSON.stringify(filter.tasks);
    conditions.push(sql`${table.task} IN (SELECT value FROM json_each(${names}))`);
  }
  if (filter.session !== undefined) conditions.push(eq(table.session, filter.session));
  if (filter.keyId !== undefined) conditions.push(eq(table.keyId, filter.keyId));
  return conditions;
}

async function orNull<Value extends CallScan | BufferScan>(
  source: "d1" | "ledger",
  read: () => Promise<Value>,
): Promise<Value | null> {
  try {
    return await withTimeout({ promise: read(), ms: SOURCE_TIMEOUT_MS });
  } catch (error) {
    const kind = error instanceof Error ? error.name : typeof error;
    console.warn(JSON.stringify({ event: "calls_source_failed", source, error: kind }));
    return null;
  }
}
