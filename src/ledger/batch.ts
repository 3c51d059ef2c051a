import type { CallRow } from "../db/schema.ts";
import type { EndedCalls } from "./ended-calls.ts";
import type { OpenCalls } from "./open-calls.ts";
import type { StoredBody } from "./records.ts";
import type { AttemptColumns, EndColumns } from "./row.ts";

/** What one D1 batch carries. */
export interface LedgerBatch {
  /** Calls that ended, and calls that have run for a while (their outcome is null). */
  calls: CallRow[];
  /** Ends whose start this object never saw: they update a row that D1 may have. */
  endsOnly: (EndColumns & { id: string })[];
  attempts: AttemptColumns[];
  bodies: { callId: string; stored: StoredBody }[];
  readyIds: string[];
  startedIds: string[];
}

export interface BatchOptions {
  maxCalls: number;
  /** One call goes whatever its size. Characters. */
  maxBytes: number;
  /** Open calls come along when they began before this time. */
  startedBefore: number;
}

/** The next batch for D1, the oldest calls first; null when nothing is due. It stays in the buffer. */
export function makeBatch(
  options: BatchOptions & { open: OpenCalls; ended: EndedCalls },
): LedgerBatch | null {
  const { open, ended, maxCalls, maxBytes, startedBefore } = options;
  const batch: LedgerBatch = {
    calls: [],
    endsOnly: [],
    attempts: [],
    bodies: [],
    readyIds: [],
    startedIds: [],
  };
  let bytes = 0;
  for (const call of ended.many(ended.ids(maxCalls))) {
    bytes += ended.sizeOf(call);
    if (batch.readyIds.length > 0 && bytes > maxBytes) break;
    batch.readyIds.push(call.id);
    if (call.hasStart) batch.calls.push(call.row);
    else batch.endsOnly.push(call.row);
    batch.attempts.push(...call.attempts);
  }
  batch.bodies = ended.bodies(batch.readyIds);
  const room = Math.max(0, maxCalls - batch.readyIds.length);
  batch.startedIds = open.unwrittenBefore(startedBefore).slice(0, room);
  batch.calls.push(...open.rows(batch.startedIds));
  return batch.readyIds.length + batch.startedIds.length > 0 ? batch : null;
}
