import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readdir, readFile, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { lock } from "proper-lockfile";
import { z } from "zod";
import { explainWrite } from "./disk.ts";
import { makeFolder } from "./make-folder.ts";
import { ModelError } from "./model-error.ts";

/** What stands beside every cached file, so that a damaged one is noticed. */
const manifestSchema = z.object({
  /** As the user or the catalogue wrote it, without credentials. */
  reference: z.string(),
  id: z.string(),
  file: z.string(),
  bytes: z.number().int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  quantisation: z.string().nullable(),
  /** The file's modification time when its hash was last checked. */
  checkedMtimeMs: z.number(),
  /** Milliseconds since the epoch. */
  fetchedAt: z.number(),
});
export type Manifest = z.infer<typeof manifestSchema>;

const MANIFEST = "manifest.json";

/** Milliseconds. The folder is not resolved, since it may be removed while its lock is held. */
const LOCK = { stale: 15_000, update: 5_000, realpath: false };

/** Files up to this size are hashed at every use: a fraction of a second. */
const CHEAP_HASH_BYTES = 256 * 1024 * 1024;

export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { signal, highWaterMark: 1024 * 1024 }))
    hash.update(chunk as Buffer);
  return hash.digest("hex");
}

export interface CachedModel extends Manifest {
  path: string;
  /** The folder's name in the cache. */
  key: string;
}

/**
 * The cached file of a key, checked: its size always; its hash when that is cheap, or when the file was touched
 * since the last check. Null when there is none or it is damaged (`damaged` then says how).
 */
export async function readCached(
  cacheDir: string,
  key: string,
): Promise<{ model: CachedModel } | { model: null; damaged: string | null }> {
  const folder = join(cacheDir, key);
  const manifest = await readManifest(folder);
  if (!manifest) return { model: null, damaged: null };
  const path = join(folder, manifest.file);
  const info = await stat(path).catch(() => null);
  if (!info) return { model: null, damaged: "its file is missing" };
  if (info.size !== manifest.bytes)
    return { model: null, damaged: `it has ${info.size} bytes instead of ${manifest.bytes}` };
  if (info.size <= CHEAP_HASH_BYTES || info.mtimeMs !== manifest.checkedMtimeMs) {
    if ((await sha256OfFile(path)) !== manifest.sha256)
      return { model: null, damaged: "its SHA-256 is wrong" };
    if (info.mtimeMs !== manifest.checkedMtimeMs) {
      // A read-only cache may be shared: then the hash is simply computed again next time.
      await writeManifest(folder, { ...manifest, checkedMtimeMs: info.mtimeMs }).catch(() => undefined);
    }
  }
  return { model: { ...manifest, path, key } };
}

/** Puts a checked file in place, in one step, and only then the manifest that vouches for it. */
export async function store(options: {
  cacheDir: string;
  key: string;
  temporary: string;
  manifest: Omit<Manifest, "checkedMtimeMs">;
}): Promise<CachedModel> {
  const folder = join(options.cacheDir, options.key);
  const path = join(folder, options.manifest.file);
  const file = await open(options.temporary, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rm(join(folder, MANIFEST), { force: true });
  await rename(options.temporary, path);
  const manifest = { ...options.manifest, checkedMtimeMs: (await stat(path)).mtimeMs };
  await writeManifest(folder, manifest);
  return { ...manifest, path, key: options.key };
}

async function readManifest(folder: string): Promise<Manifest | null> {
  try {
    const manifest = manifestSchema.parse(JSON.parse(await readFile(join(folder, MANIFEST), "utf8")));
    // A manifest that was tampered with must not point outside its folder.
    return /[\\/]/.test(manifest.file) || manifest.file.startsWith(".") ? null : manifest;
  } catch {
    return null;
  }
}

async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const temporary = join(folder, `${MANIFEST}.${process.pid}.tmp`);
  await writeFile(temporary, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
  await rename(temporary, join(folder, MANIFEST));
}

/** What the cache holds, without checking hashes; folders with only a part count as nothing. */
export async function listCached(cacheDir: string): Promise<CachedModel[]> {
  const names = await readdir(cacheDir).catch(() => []);
  const models: CachedModel[] = [];
  for (const key of names.sort()) {
    const folder = join(cacheDir, key);
    const manifest = await readManifest(folder);
    if (manifest) models.push({ ...manifest, key, path: join(folder, manifest.file) });
  }
  return models;
}

/** The manifest goes first, so that nobody takes what is half removed for a model. */
export async function removeCached(cacheDir: string, key: string): Promise<void> {
  await rm(join(cacheDir, key, MANIFEST), { force: true });
  await rm(join(cacheDir, key), { recursive: true, force: true });
}

/**
 * Runs `work` while no other process works on the same key. Waiting ends with `signal`; a holder that died is
 * recognised after 15 s by its lock's age.
 * @throws {ModelError} `cancelled`, `cache_unwritable`
 */
export async function withKeyLock<T>(options: {
  cacheDir: string;
  key: string;
  signal?: AbortSignal;
  onWait?: () => void;
  work: (signal: AbortSignal) => Promise<T>;
}): Promise<T> {
  const folder = join(options.cacheDir, options.key);
  const lost = new AbortController();
  const release = await acquire({ ...options, folder, lost });
  const signal = options.signal ? AbortSignal.any([options.signal, lost.signal]) : lost.signal;
  try {
    return await options.work(signal);
  } finally {
    // Nothing came of it: an empty folder would only puzzle whoever looks. It stays where there is a part.
    await rmdir(folder).catch(() => undefined);
    // A lock that was lost is nothing to give back.
    if (!lost.signal.aborted) await release();
  }
}

/**
 * `withKeyLock` that does not wait: null where another process works on the key.
 * @throws {ModelError} `cache_unwritable`
 */
export async function tryKeyLock<T>(options: {
  cacheDir: string;
  key: string;
  work: () => Promise<T>;
}): Promise<T | null> {
  const folder = join(options.cacheDir, options.key);
  let release: () => Promise<void>;
  try {
    release = await lock(folder, LOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ELOCKED" || code === "ENOENT") return null;
    throw explainWrite(error, options.cacheDir, 0);
  }
  try {
    return await options.work();
  } finally {
    await release();
  }
}

async function acquire(options: {
  folder: string;
  lost: AbortController;
  signal?: AbortSignal;
  onWait?: () => void;
}): Promise<() => Promise<void>> {
  for (let attempt = 0; ; attempt++) {
    if (options.signal?.aborted)
      throw new ModelError("cancelled", "Waiting for another download was stopped.");
    try {
      await makeFolder(options.folder);
      return await lock(options.folder, {
        ...LOCK,
        onCompromised: (error) => options.lost.abort(error),
      });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // ENOENT: the holder just took the empty folder away.
      if (code !== "ELOCKED" && !(code === "ENOENT" && attempt < 10)) {
        throw explainWrite(error, dirname(options.folder), 0);
      }
      if (attempt === 0 && code === "ELOCKED") options.onWait?.();
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}
