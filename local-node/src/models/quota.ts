import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { listCached, removeCached, tryKeyLock } from "./cache.ts";
import { humanBytes } from "./disk.ts";
import { announcedBytes } from "./download.ts";
import { lastUsedAt, usersOf } from "./in-use.ts";
import { ModelError } from "./model-error.ts";

/** One folder of the cache: a model, or what a download has left so far. */
export interface CacheEntry {
  key: string;
  /** Null: an unfinished download. */
  id: string | null;
  bytes: number;
  /** Milliseconds since the epoch: last loaded, else fetched. */
  lastUsedAt: number;
  /** Processes that have it loaded. */
  users: number[];
}

/** All that lies in the cache, in the order in which it would go. */
export async function listCache(cacheDir: string): Promise<CacheEntry[]> {
  const models = new Map((await listCached(cacheDir)).map((model) => [model.key, model]));
  const entries: CacheEntry[] = [];
  for (const item of await readdir(cacheDir, { withFileTypes: true }).catch(() => [])) {
    if (!item.isDirectory() || item.name.startsWith(".") || item.name.endsWith(".lock")) continue;
    const folder = join(cacheDir, item.name);
    const model = models.get(item.name);
    const fallback = model?.fetchedAt ?? (await stat(folder).catch(() => null))?.mtimeMs ?? 0;
    entries.push({
      key: item.name,
      id: model?.id ?? null,
      bytes: await bytesIn(folder),
      lastUsedAt: (await lastUsedAt(folder)) ?? fallback,
      users: await usersOf(folder),
    });
  }
  return entries.sort((a, b) => Number(a.id !== null) - Number(b.id !== null) || a.lastUsedAt - b.lastUsedAt);
}

async function bytesIn(folder: string): Promise<number> {
  let sum = 0;
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const size = (await stat(path).catch(() => null))?.size ?? 0;
    sum += name.endsWith(".part") ? Math.max(size, await announcedBytes(path)) : size;
  }
  return sum;
}

/**
 * What must go for `incomingBytes` more to fit the quota: first unfinished downloads, then the models that were used
 * longest ago, never one that is loaded. Null when even that is not enough.
 */
export function chooseEvictions(options: {
  /** As `listCache` orders them, without what is coming. */
  entries: readonly CacheEntry[];
  quotaBytes: number;
  incomingBytes: number;
}): CacheEntry[] | null {
  let excess =
    options.entries.reduce((sum, entry) => sum + entry.bytes, options.incomingBytes) - options.quotaBytes;
  const chosen: CacheEntry[] = [];
  for (const entry of options.entries) {
    if (excess <= 0) break;
    if (entry.users.length > 0) continue;
    chosen.push(entry);
    excess -= entry.bytes;
  }
  return excess <= 0 ? chosen : null;
}

/**
 * Makes room in the cache. What another process is fetching or loading at this moment is left alone.
 * @throws {ModelError} `quota_exceeded`
 */
export async function makeRoom(options: {
  cacheDir: string;
  quotaBytes: number | null;
  incomingBytes: number;
  /** The folder that the incoming bytes are for; it stays. */
  keep?: string;
  log?: (line: string) => void;
}): Promise<void> {
  const { cacheDir, quotaBytes, incomingBytes } = options;
  if (quotaBytes === null) return;
  const busy = new Set(options.keep === undefined ? [] : [options.keep]);
  for (;;) {
    const all = await listCache(cacheDir);
    const entries = all
      .filter((entry) => entry.key !== options.keep)
      .map((entry) => (busy.has(entry.key) && entry.users.length === 0 ? { ...entry, users: [0] } : entry));
    const evictions = chooseEvictions({ entries, quotaBytes, incomingBytes });
    if (evictions === null) throw quotaExceeded(options, entries);
    const [next] = evictions;
    if (next === undefined) return;
    const removed = await tryKeyLock({
      cacheDir,
      key: next.key,
      work: async () => {
        if ((await usersOf(join(cacheDir, next.key))).length > 0) return false;
        await removeCached(cacheDir, next.key);
        return true;
      },
    });
    if (removed) {
      options.log?.(
        `Removed ${next.id ?? `the unfinished download ${next.key}`} (${humanBytes(next.bytes)}, unused for the longest time) from the cache, to stay within ${humanBytes(quotaBytes)}.`,
      );
    } else busy.add(next.key);
  }
}

function quotaExceeded(
  { quotaBytes, incomingBytes }: { quotaBytes: number | null; incomingBytes: number },
  entries: readonly CacheEntry[],
): ModelError {
  const used = entries.filter((entry) => entry.users.length > 0).reduce((sum, entry) => sum + entry.bytes, 0);
  return new ModelError(
    "quota_exceeded",
    `${humanBytes(incomingBytes)} more do not fit into the cache's quota of ${humanBytes(quotaBytes ?? 0)}${used > 0 ? `, of which ${humanBytes(used)} are in use` : ""}. Raise ROUTELET_CACHE_QUOTA, or choose a smaller model.`,
  );
}
