import { and, desc, eq, isNull, lt } from "drizzle-orm";
import { auditInsert } from "../db/audit.ts";
import { database } from "../db/client.ts";
import { type ApiKeyRow, type Audience, apiKeys } from "../db/schema.ts";
import { sortableId } from "../db/sortable-id.ts";
import { createApiKey, hashApiKey } from "./api-keys.ts";
import type { Secrets } from "./derive.ts";

export interface CreateKeyOptions {
  db: D1Database;
  secrets: Secrets;
  projectId: string;
  name: string;
  returnRequestedModel: boolean;
  audience: Audience;
  now: number;
}

/** Makes a key and stores its hash. `key` exists in this answer only. */
export async function createKey(options: CreateKeyOptions): Promise<{ key: string; row: ApiKeyRow }> {
  const { db, secrets, projectId, name, returnRequestedModel, audience, now } = options;
  const { key, prefix } = createApiKey();
  const row: ApiKeyRow = {
    id: `key_${sortableId(now)}`,
    projectId,
    name,
    prefix,
    hash: (await hashApiKey({ secrets, key })).current,
    returnRequestedModel,
    audience,
    createdAt: now,
    revokedAt: null,
  };
  await database(db).batch([
    database(db).insert(apiKeys).values(row),
    auditInsert({ db, entry: { at: now, action: "key.create", target: row.id, projectId } }),
  ]);
  return { key, row };
}

/** Keys, newest first, revoked ones included. */
export function listKeys(options: {
  db: D1Database;
  projectId: string | null;
  before: string | null;
  limit: number;
}): Promise<ApiKeyRow[]> {
  const { db, projectId, before, limit } = options;
  return database(db)
    .select()
    .from(apiKeys)
    .where(
      and(
        projectId === null ? undefined : eq(apiKeys.projectId, projectId),
        before === null ? undefined : lt(apiKeys.id, before),
      ),
    )
    .orderBy(desc(apiKeys.id))
    .limit(limit);
}

/** False when there is no such key. Revoking a revoked key changes nothing. */
export async function revokeKey(options: { db: D1Database; id: string; now: number }): Promise<boolean> {
  const { db, id, now } = options;
  const [row] = await database(db)
    .select({ projectId: apiKeys.projectId, revokedAt: apiKeys.revokedAt })
    .from(apiKeys)
    .where(eq(apiKeys.id, id));
  if (row === undefined) return false;
  if (row.revokedAt !== null) return true;
  await database(db).batch([
    database(db)
      .update(apiKeys)
      .set({ revokedAt: now })
      .where(and(eq(apiKeys.id, id), isNull(apiKeys.revokedAt))),
    auditInsert({ db, entry: { at: now, action: "key.revoke", target: id, projectId: row.projectId } }),
  ]);
  return true;
}
