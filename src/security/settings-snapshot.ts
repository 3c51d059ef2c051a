import { eq } from "drizzle-orm";
import { auditInsert } from "../db/audit.ts";
import { database } from "../db/client.ts";
import { databaseFailure } from "../db/failure.ts";
import { settings } from "../db/schema.ts";
import { SnapshotCache, type SnapshotTimes } from "../db/snapshot-cache.ts";
import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import { DEFAULT_SETTINGS, type Settings, settingsSchema } from "../settings.ts";

/** A change made in another isolate is seen within `staleMs` while D1 answers. */
export const SETTINGS_TIMES: SnapshotTimes = {
  freshMs: 5_000,
  staleMs: 60_000,
  outageMs: 24 * 60 * 60_000,
};
const MAX_PROJECTS = 10_000;

const snapshots = new SnapshotCache<Settings>({ times: SETTINGS_TIMES, maxEntries: MAX_PROJECTS });

export interface SettingsForOptions {
  env: Pick<Env, "DB">;
  projectId: string;
  waitUntil: (promise: Promise<unknown>) => void;
  clock: () => number;
}

/**
 * A project's settings, defaults filled in. When warm no D1 query happens before it resolves.
 * @throws RouteletError `settings_unavailable` when D1 is down and this isolate never saw them: the defaults
 *   must not stand in, since they store content that the operator may have switched off.
 */
export async function settingsFor(options: SettingsForOptions): Promise<Settings> {
  const { env, projectId, waitUntil, clock } = options;
  try {
    const load = () => readSettings({ db: env.DB, projectId });
    return (await snapshots.read({ key: projectId, clock, waitUntil, load })) ?? DEFAULT_SETTINGS;
  } catch (error) {
    throw new RouteletError({
      kind: "unavailable",
      code: "settings_unavailable",
      message: "The gateway cannot read its settings right now. Try again in a moment.",
      retryable: true,
      retryAfterSeconds: 2,
      cause: databaseFailure(error),
    });
  }
}

/** Straight from D1; the defaults where nothing was set. */
export async function readSettings(options: { db: D1Database; projectId: string }): Promise<Settings> {
  const rows = await database(options.db)
    .select({ value: settings.value })
    .from(settings)
    .where(eq(settings.projectId, options.projectId));
  const row = rows[0];
  return row ? settingsSchema.parse(JSON.parse(row.value)) : DEFAULT_SETTINGS;
}

/** Replaces a project's settings; in force here at once, elsewhere within `SETTINGS_TIMES.staleMs`. */
export async function writeSettings(options: {
  db: D1Database;
  projectId: string;
  value: Settings;
  now: number;
}): Promise<void> {
  const { db, projectId, value, now } = options;
  const row = { value: JSON.stringify(value), updatedAt: now };
  await database(db).batch([
    database(db)
      .insert(settings)
      .values({ projectId, ...row })
      .onConflictDoUpdate({ target: settings.projectId, set: row }),
    auditInsert({ db, entry: { at: now, action: "settings.change", target: projectId, projectId } }),
  ]);
  snapshots.update((known, project) => (project === projectId ? value : known));
}
