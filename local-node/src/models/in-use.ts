import { randomBytes } from "node:crypto";
import { readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { withKeyLock } from "./cache.ts";

/**
 * Who has a cached model loaded. Each user leaves a file of its own in the model's folder and touches it every minute,
 * so that every other process, and a machine that shares the folder, knows what must not be removed.
 */
const markerSchema = z.object({ pid: z.number().int().positive(), host: z.string() });

const PREFIX = "in-use-";
const LAST_USED = "last-used";
const REFRESH_MS = 60_000;
/** A process that was stopped for longer still counts while it is alive on this machine. */
const STALE_MS = 3 * REFRESH_MS;

export interface Hold {
  /** Others may remove the model again. */
  release(): Promise<void>;
}

const UNMARKED: Hold = { release: async () => undefined };

/** The folder name of a file in the cache; null for a file that is kept elsewhere. */
export function keyOfCachedPath(cacheDir: string, path: string): string | null {
  const folder = dirname(resolve(path));
  return dirname(folder) === resolve(cacheDir) ? basename(folder) : null;
}

/**
 * Keeps a cached model from being removed while it is loaded. Null: it is gone already, and must be fetched again.
 * A file outside the cache, and one in a cache that cannot be written, needs no marker: nobody removes it.
 */
export async function holdModel(options: {
  cacheDir: string;
  path: string;
  signal?: AbortSignal;
}): Promise<Hold | null> {
  const { cacheDir, path } = options;
  const key = keyOfCachedPath(cacheDir, path);
  if (key === null) return UNMARKED;
  const folder = join(cacheDir, key);
  const marker = join(folder, `${PREFIX}${process.pid}-${randomBytes(4).toString("hex")}.json`);
  const marked = await withKeyLock({
    cacheDir,
    key,
    signal: options.signal,
    work: async () => {
      if (!(await stat(path).catch(() => null))) return "gone";
      await writeFile(marker, JSON.stringify({ pid: process.pid, host: hostname() }), { mode: 0o600 });
      await touchUse(folder);
      return "marked";
    },
  }).catch(async () => ((await stat(path).catch(() => null)) ? "unwritable" : "gone"));
  if (marked === "gone") return null;
  if (marked === "unwritable") return UNMARKED;
  const timer = setInterval(() => {
    const now = new Date();
    // A marker that someone took away is the owner's wish.
    utimes(marker, now, now).catch(() => undefined);
  }, REFRESH_MS);
  timer.unref();
  return {
    release: async () => {
      clearInterval(timer);
      await touchUse(folder).catch(() => undefined);
      await rm(marker, { force: true });
    },
  };
}

/** The processes that have a model loaded; markers that dead ones left are taken away. */
export async function usersOf(folder: string): Promise<number[]> {
  const users: number[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(PREFIX)) continue;
    const path = join(folder, name);
    const pid = await liveUser(path);
    if (pid === null) await rm(path, { force: true }).catch(() => undefined);
    else users.push(pid);
  }
  return users;
}

/** Milliseconds since the epoch; null: never since it was fetched. */
export async function lastUsedAt(folder: string): Promise<number | null> {
  return (await stat(join(folder, LAST_USED)).catch(() => null))?.mtimeMs ?? null;
}

async function touchUse(folder: string): Promise<void> {
  await writeFile(join(folder, LAST_USED), "", { mode: 0o600 });
}

async function liveUser(path: string): Promise<number | null> {
  try {
    const { mtimeMs } = await stat(path);
    const marker = markerSchema.parse(JSON.parse(await readFile(path, "utf8")));
    const fresh = Date.now() - mtimeMs < STALE_MS;
    const here = marker.host === hostname();
    return (here ? isAlive(marker.pid) : fresh) ? marker.pid : null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
