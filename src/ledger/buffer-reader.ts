import type { CallRow } from "../db/schema.ts";
import { type CallFilter, matchesFilter } from "./call-filter.ts";
import type { EndedCalls } from "./ended-calls.ts";
import type { OpenCalls } from "./open-calls.ts";
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

/** How many are read at a time. */
const STEP = 256;

export function scanBuffered(options: ScanOptions & { open: OpenCalls; ended: EndedCalls }): BufferScan {
  const { open, ended: endedCalls, before, from } = options;
  const ids = [...open.ids(), ...endedCalls.ids()]
    .filter((id) => (before === null || id < before) && (from === null || id >= from))
    .sort()
    .reverse();
  const rows: CallRow[] = [];
  const ended: string[] = [];
  let scanned = 0;
  let last: string | null = null;
  for (let at = 0; at < ids.length; at += STEP) {
    for (const call of rowsOf(ids.slice(at, at + STEP), open, endedCalls)) {
      if (rows.length >= options.limit || scanned >= MAX_SCANNED) return { rows, floor: last, ended };
      scanned += 1;
      last = call.id;
      if (matchesFilter(call, options.filter)) rows.push(call);
      else if (matchesFilter({ ...call, ...NO_END }, options.filter)) ended.push(call.id);
    }
  }
  return { rows, floor: null, ended };
}

/** In the order of the ids; without ends whose start never came. */
function rowsOf(ids: readonly string[], open: OpenCalls, ended: EndedCalls): CallRow[] {
  const rows = new Map(open.rows(ids).map((row) => [row.id, row]));
  for (const call of ended.many(ids)) if (call.hasStart) rows.set(call.id, call.row);
  return ids.flatMap((id) => rows.get(id) ?? []);
}
