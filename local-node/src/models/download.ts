import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { explainWrite, freeBytes, humanBytes, requireSpace } from "./disk.ts";
import { ModelError, reasonOf } from "./model-error.ts";
import { type Fetch, fetchFollowing } from "./network.ts";
import { shown } from "./reference.ts";

export interface Progress {
  phase: "download" | "extract" | "verify";
  /** Bytes so far, and in all (null: unknown). */
  done: number;
  total: number | null;
}

/** What makes a half-fetched file and the server's file the same file; kept beside the part. */
interface PartNote {
  url: string;
  sha256: string | null;
  /** A strong ETag or a Last-Modified date, for `If-Range` (RFC 9110, 13.1.5). */
  validator: string | null;
  /** Bytes of the whole file, once they are known. */
  total: number | null;
}

export interface DownloadOptions {
  url: string;
  headers: Record<string, string>;
  /** Where the bytes gather; it survives a cut and a restart. */
  part: string;
  sha256: string | null;
  bytes: number | null;
  fetch: Fetch;
  /** Bytes that will be needed beside the file itself (an archive's content). */
  extraBytes?: number;
  free?: (folder: string) => Promise<number>;
  /** Called when the file's size is known, before its bytes are fetched; may refuse them. */
  makeRoom?: (bytes: number) => Promise<void>;
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
  /** Milliseconds before the nth try without progress. */
  backoffMs?: (attempt: number) => number;
}

/** Tries in a row that bring no byte before the source counts as gone. */
const MAX_FRUITLESS = 4;

/**
 * Fetches a file into `part`, going on where an earlier try stopped, and checks its SHA-256 (where it is known)
 * before it returns. A server that ignores `Range`, or whose file changed, makes it begin again.
 * @throws {ModelError} `unreachable`, `not_found`, `forbidden`, `hash_mismatch`, `disk_full`, `cancelled`
 */
export async function download(options: DownloadOptions): Promise<{ sha256: string; bytes: number }> {
  for (let round = 0; ; round++) {
    const { sha256, bytes, resumed } = await gather(options);
    if (options.sha256 === null || sha256 === options.sha256) return { sha256, bytes };
    await discardPart(options.part);
    // Only a file that was patched together deserves a second try from its beginning.
    if (resumed && round === 0) continue;
    throw new ModelError(
      "hash_mismatch",
      `${shown(options.url)} has SHA-256 ${sha256.slice(0, 12)}…, but ${options.sha256.slice(0, 12)}… was promised. Nothing was kept; try again, and distrust the source if it stays so.`,
    );
  }
}

/** Forgets a half-fetched file. */
export async function discardPart(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(`${part}.json`, { force: true });
}

async function gather(
  options: DownloadOptions,
): Promise<{ sha256: string; bytes: number; resumed: boolean }> {
  const state = await openPart(options);
  const resumed = state.size > 0;
  try {
    let fruitless = 0;
    for (;;) {
      const before = state.size;
      try {
        if (await transfer(options, state)) break;
      } catch (error) {
        if (error instanceof ModelError) throw error;
        if (options.signal?.aborted) throw cancelled(error);
        if (!(error instanceof Interrupted))
          throw explainWrite(error, dirname(options.part), options.bytes ?? 0);
        fruitless = state.size > before ? 0 : fruitless + 1;
        if (fruitless >= MAX_FRUITLESS) {
          throw new ModelError(
            "unreachable",
            `${new URL(options.url).host} broke off after ${humanBytes(state.size)} (${reasonOf(error)}). Run the same command again to go on from there.`,
            error,
          );
        }
        await pause((options.backoffMs ?? ((n) => Math.min(8_000, 250 * 2 ** n)))(fruitless), options.signal);
      }
    }
  } finally {
    await state.file.close();
  }
  return { sha256: state.hash.copy().digest("hex"), bytes: state.size, resumed };
}

/** The connection failed; the next try goes on from the bytes that are there. */
class Interrupted extends Error {}

interface PartState {
  file: FileHandle;
  hash: Hash;
  size: number;
  note: PartNote;
}

async function openPart(options: DownloadOptions): Promise<PartState> {
  const { part } = options;
  const note = await readNote(part);
  const fresh: PartNote = { url: shown(options.url), sha256: options.sha256, validator: null, total: null };
  const sameFile =
    note !== null &&
    (options.sha256 !== null
      ? note.sha256 === options.sha256
      : note.url === fresh.url && note.validator !== null);
  try {
    if (!sameFile) {
      await discardPart(part);
      await writeFile(`${part}.json`, JSON.stringify(fresh), { mode: 0o600 });
    }
    const file = await open(part, "a", 0o600);
    const hash = createHash("sha256");
    let size = 0;
    const kept = sameFile ? (await file.stat()).size : 0;
    if (kept > 0) {
      for await (const chunk of createReadStream(part, { end: kept - 1 })) {
        hash.update(chunk as Buffer);
        size += (chunk as Buffer).length;
        options.onProgress?.({ phase: "download", done: size, total: options.bytes });
      }
    }
    return { file, hash, size, note: sameFile ? note : fresh };
  } catch (error) {
    throw explainWrite(error, dirname(part), options.bytes ?? 0);
  }
}

async function readNote(part: string): Promise<PartNote | null> {
  try {
    await stat(part);
    const value: unknown = JSON.parse(await readFile(`${part}.json`, "utf8"));
    const { url, sha256, validator, total } = value as Partial<PartNote>;
    if (typeof url !== "string") return null;
    return { url, sha256: sha256 ?? null, validator: validator ?? null, total: total ?? null };
  } catch {
    return null;
  }
}

/** One request. True when the file is complete. */
async function transfer(options: DownloadOptions, state: PartState): Promise<boolean> {
  if (options.bytes !== null && state.size === options.bytes) return true;
  if (options.bytes !== null && state.size > options.bytes) await restart(state);
  const headers: Record<string, string> = { ...options.headers, "accept-encoding": "identity" };
  if (state.size > 0) {
    headers.range = `bytes=${state.size}-`;
    if (state.note.validator !== null) headers["if-range"] = state.note.validator;
  }
  const { response } = await connect(options, headers);
  if (response.status === 416) {
    await response.body?.cancel();
    const total = Number(/\*\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1] ?? Number.NaN);
    if (total === state.size) return true;
    await restart(state);
    throw new Interrupted("the server's file changed");
  }
  if (response.status !== 200 && response.status !== 206) {
    await response.body?.cancel();
    throw refusal(response.status, options.url);
  }
  if (response.status === 200 && state.size > 0) await restart(state);
  if (response.status === 206 && rangeStart(response) !== state.size) {
    await response.body?.cancel();
    await restart(state);
    throw new Interrupted("the server sent another range");
  }
  const length = Number(response.headers.get("content-length") ?? Number.NaN);
  const total = options.bytes ?? (Number.isFinite(length) ? state.size + length : null);
  try {
    await note(options, state, { validator: validatorOf(response), total });
    await options.makeRoom?.(total ?? 0);
    await requireSpace(
      dirname(options.part),
      (total ?? 0) - state.size + (options.extraBytes ?? 0),
      options.free ?? freeBytes,
    );
  } catch (error) {
    await response.body?.cancel();
    throw error;
  }
  await append(options, state, response, total);
  if (total !== null && state.size < total) throw new Interrupted("the connection ended early");
  return true;
}

async function connect(
  options: DownloadOptions,
  headers: Record<string, string>,
): Promise<{ response: Response }> {
  try {
    return await fetchFollowing({ fetch: options.fetch, url: options.url, headers, signal: options.signal });
  } catch (error) {
    if (error instanceof ModelError && error.code === "unreachable" && error.cause) {
      throw new Interrupted(error.message, { cause: error.cause });
    }
    throw error;
  }
}

function refusal(status: number, url: string): Error {
  const where = shown(url);
  if (status === 404 || status === 410)
    return new ModelError("not_found", `${where} does not exist (${status}). Check the reference.`);
  if (status === 401 || status === 403) {
    return new ModelError(
      "forbidden",
      `${where} refuses access (${status}). Check HF_TOKEN or the index's credentials.`,
    );
  }
  if (status === 408 || status === 429 || status >= 500) return new Interrupted(`status ${status}`);
  return new ModelError("unreachable", `${where} answered ${status}. Check the reference.`);
}

function rangeStart(response: Response): number | null {
  const start = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
  return start === undefined ? null : Number(start);
}

async function restart(state: PartState): Promise<void> {
  await state.file.truncate(0);
  state.hash = createHash("sha256");
  state.size = 0;
}

function validatorOf(response: Response): string | null {
  const etag = response.headers.get("etag");
  return etag && !etag.startsWith("W/") ? etag : response.headers.get("last-modified");
}

async function note(
  options: DownloadOptions,
  state: PartState,
  found: Pick<PartNote, "validator" | "total">,
): Promise<void> {
  if (found.validator === state.note.validator && found.total === state.note.total) return;
  state.note = { ...state.note, ...found };
  await writeFile(`${options.part}.json`, JSON.stringify(state.note), { mode: 0o600 });
}

/** Bytes that a half-fetched file will have; 0 where nobody knows. */
export async function announcedBytes(part: string): Promise<number> {
  return (await readNote(part))?.total ?? 0;
}

async function append(
  options: DownloadOptions,
  state: PartState,
  response: Response,
  total: number | null,
): Promise<void> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await readChunk(reader);
      if (done) return;
      if (total !== null && state.size + value.length > total) {
        await restart(state);
        throw new Interrupted("the server sent more than it announced");
      }
      await state.file.write(value);
      state.hash.update(value);
      state.size += value.length;
      options.onProgress?.({ phase: "download", done: state.size, total });
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function readChunk(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): ReturnType<ReadableStreamDefaultReader<Uint8Array>["read"]> {
  try {
    return await reader.read();
  } catch (error) {
    throw new Interrupted("the connection was lost", { cause: error });
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    throw cancelled(error);
  }
}

function cancelled(cause: unknown): ModelError {
  return new ModelError(
    "cancelled",
    "The download was stopped. Run the same command again to go on from there.",
    cause,
  );
}
