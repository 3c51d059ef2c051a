import type { CallRow } from "../db/schema.ts";

/** What one source (D1, or a ledger object) knows of a range of calls. */
export interface CallScan {
  /** Newest first. */
  rows: CallRow[];
  /** The rows are complete down to this id, itself included; null: down to the end of the range. */
  floor: string | null;
}

export interface CallPage {
  rows: CallRow[];
  /** Where the next page begins (ids below this one); null: there is none. */
  next: string | null;
}

/**
 * One page out of several sources that may hold the same call, newest first. Rows below the highest floor wait
 * for the next page, since a source may have more up there: so the pages together are the whole list, in order.
 */
export function mergeScans(options: { scans: readonly CallScan[]; limit: number }): CallPage {
  const { scans, limit } = options;
  const floors = scans.map((scan) => scan.floor).filter((floor) => floor !== null);
  const floor = floors.sort().at(-1) ?? null;
  const byId = new Map<string, CallRow>();
  for (const row of scans.flatMap((scan) => scan.rows)) {
    if (floor !== null && row.id < floor) continue;
    const other = byId.get(row.id);
    if (other === undefined || knowledge(row) > knowledge(other)) byId.set(row.id, row);
  }
  const rows = [...byId.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  if (rows.length > limit && last !== undefined) return { rows: page, next: last.id };
  return { rows: page, next: floor };
}

/** A call only ever moves up this ladder: running, lost, ended. */
function knowledge(row: CallRow): number {
  if (row.outcome === null) return 0;
  return row.outcome === "lost" ? 1 : 2;
}
