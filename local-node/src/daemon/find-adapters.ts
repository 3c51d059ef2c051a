import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Adapter, readAdapter } from "../models/adapter.ts";
import { ModelError, reasonOf } from "../models/model-error.ts";
import type { NodeConfig } from "./config/schema.ts";
import type { Log } from "./log.ts";

/** A file that is meant to be an adapter of a model. */
export interface AdapterFile {
  name: string;
  path: string;
  /** What its hash must be; null: whatever it is. */
  sha256: string | null;
  /** Changes when the file does; null: there is none. */
  stamp: string | null;
}

const ENDING = ".gguf";
/** A node tells the gateway of at most 256 models. */
const MAX_ADAPTERS = 100;

/** Where adapters of a model lie that nobody has to name: each file is called as the adapter. */
export function adapterFolder(cacheDir: string, modelId: string): string {
  return join(cacheDir, "adapters", modelId);
}

/**
 * What the configuration names for a model, and what lies in its folder; of two with one name the configuration's.
 *
 * @param isMain what the configuration names without a base is for this model
 */
export async function listAdapterFiles(options: {
  configured: NodeConfig["engines"]["embedded"]["adapters"];
  cacheDir: string;
  modelId: string;
  isMain: boolean;
}): Promise<AdapterFile[]> {
  const { modelId, isMain } = options;
  const named = options.configured
    .filter(({ base }) => (base === undefined ? isMain : base === modelId))
    .map(({ name, path, sha256 }) => ({ name, path: resolve(path), sha256: sha256 ?? null }));
  const folder = resolve(adapterFolder(options.cacheDir, modelId));
  const lying = (await readdir(folder).catch(() => []))
    .filter((file) => file.endsWith(ENDING) && !file.startsWith("."))
    .toSorted()
    .map((file) => ({ name: file.slice(0, -ENDING.length), path: join(folder, file), sha256: null }))
    .filter(({ name }) => !named.some((one) => one.name === name));
  return Promise.all(
    [...named, ...lying].map(async (file) => ({ ...file, stamp: await stampOf(file.path) })),
  );
}

async function stampOf(path: string): Promise<string | null> {
  const info = await stat(path).catch(() => null);
  return info === null ? null : `${info.mtimeMs} ${info.size} ${info.ino}`;
}

/** Those that can be used; why others cannot goes to the log. */
export async function readAdapters(
  files: readonly AdapterFile[],
  base: { id: string; path: string; sha256: string },
  log: Log,
): Promise<Adapter[]> {
  const adapters: Adapter[] = [];
  if (files.length > MAX_ADAPTERS)
    log("error", `${base.id} has ${files.length} adapters; only the first ${MAX_ADAPTERS} are served.`);
  for (const file of files.slice(0, MAX_ADAPTERS)) {
    try {
      const adapter = await readAdapter({ ...file, base });
      if (file.sha256 !== null && file.sha256 !== adapter.sha256) {
        throw new ModelError(
          "hash_mismatch",
          `${file.path} has the SHA-256 ${adapter.sha256}, and should have ${file.sha256}.`,
        );
      }
      adapters.push(adapter);
    } catch (error) {
      log("error", `The adapter ${file.name} of ${base.id} is left out: ${reasonOf(error)}`);
    }
  }
  return adapters;
}
