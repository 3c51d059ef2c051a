import { asc, eq } from "drizzle-orm";
import { database } from "../db/client.ts";
import { databaseFailure } from "../db/failure.ts";
import { type AttemptRow, attempts, bodies, type CallRow, calls } from "../db/schema.ts";
import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import type { BufferedCall } from "./buffer-reader.ts";
import { shardOf } from "./call-id.ts";
import type { StoredBody } from "./records.ts";
import { ledgerShard } from "./shards.ts";
import { withTimeout } from "./with-timeout.ts";

export interface StoredCall {
  call: CallRow;
  attempts: AttemptRow[];
  bodies: StoredBody[];
}

const SHARD_TIMEOUT_MS = 2_000;

/**
 * A call by its id: from the ledger object that its id names, else from D1. So a call is found the moment its
 * record is durable, and with D1 down. Null when there is no such call.
 * @throws RouteletError `calls_unavailable` when D1 is down and the ledger does not hold the call.
 */
export async function readCall(options: {
  env: Pick<Env, "DB" | "LEDGER">;
  id: string;
  /** Whether its content is read too; it stays encrypted. */
  withBodies: boolean;
}): Promise<StoredCall | null> {
  const { env, id, withBodies } = options;
  const shard = shardOf(id);
  if (shard === null) return null;
  const buffered = await readShard({ env, shard, id });
  if (buffered !== null) {
    const { projectId } = buffered.row;
    return {
      call: buffered.row,
      attempts: buffered.attempts.map((attempt) => ({ ...attempt, projectId })),
      bodies: withBodies ? buffered.bodies : [],
    };
  }
  try {
    return await readD1({ db: env.DB, id, withBodies });
  } catch (error) {
    throw new RouteletError({
      kind: "unavailable",
      code: "calls_unavailable",
      message: "The log of calls cannot be read right now. Try again in a moment.",
      retryable: true,
      retryAfterSeconds: 2,
      cause: databaseFailure(error),
    });
  }
}

async function readShard(options: {
  env: Pick<Env, "LEDGER">;
  shard: number;
  id: string;
}): Promise<BufferedCall | null> {
  const { env, shard, id } = options;
  try {
    const read = async () => ledgerShard(env, shard).read(id);
    return await withTimeout({ promise: read(), ms: SHARD_TIMEOUT_MS });
  } catch (error) {
    // D1 has most calls; what only the object had is then a call that is not found yet.
    const kind = error instanceof Error ? error.name : typeof error;
    console.warn(JSON.stringify({ event: "calls_source_failed", source: "ledger", error: kind }));
    return null;
  }
}

async function readD1(options: {
  db: D1Database;
  id: string;
  withBodies: boolean;
}): Promise<StoredCall | null> {
  const { id, withBodies } = options;
  const db = database(options.db);
  const [found, tried] = await db.batch([
    db.select().from(calls).where(eq(calls.id, id)),
    db.select().from(attempts).where(eq(attempts.callId, id)).orderBy(asc(attempts.seq)),
  ]);
  const call = found[0];
  if (call === undefined) return null;
  const stored = withBodies
    ? await db.select().from(bodies).where(eq(bodies.callId, id)).orderBy(asc(bodies.part))
    : [];
  return {
    call,
    attempts: tried,
    bodies: stored.map((row) => ({
      part: row.part,
      body: {
        keyId: row.keyId,
        iv: new Uint8Array(row.iv),
        ciphertext: new Uint8Array(row.ciphertext),
        compression: row.compression,
      },
      originalBytes: row.originalBytes,
      truncated: row.truncated,
    })),
  };
}
