import { findGpus, type GpuFindings } from "../hardware/gpus.ts";
import { detectHost, type Hardware } from "../hardware/hardware.ts";
import { listCached } from "../models/cache.ts";
import { CATALOGUE, type CatalogueEntry, starterEntry } from "../models/catalogue.ts";
import { chooseModel } from "../models/choose.ts";
import { humanBytes } from "../models/disk.ts";
import { nodeCommand } from "./node-command.ts";

export interface PickedModel {
  /** For `ensureModel`. */
  reference: string;
  /** A better one for this machine, to be named to the owner; null when there is none or it is not known yet. */
  better: CatalogueEntry | null;
}

/** The GPUs are asked for at most once, and only when somebody needs to know. */
export interface LazyGpus {
  get(): Promise<GpuFindings>;
}

export function lazyGpus(signal?: AbortSignal): LazyGpus {
  let found: Promise<GpuFindings> | null = null;
  return {
    get: () => {
      found ??= findGpus(signal);
      return found;
    },
  };
}

export async function wholeHardware(gpus: LazyGpus): Promise<Hardware> {
  return { ...detectHost(), gpus: (await gpus.get()).gpus };
}

/**
 * Turns the configured model into a reference. `ready` avoids asking for GPUs where the answer cannot matter: with
 * nothing but the starter in the cache, the starter it is, and the start is a second or two shorter.
 */
export async function pickModel(options: {
  wanted: string;
  cacheDir: string;
  gpus: LazyGpus;
}): Promise<PickedModel> {
  const { wanted } = options;
  if (wanted !== "ready" && wanted !== "best") return { reference: wanted, better: null };
  const cachedIds = new Set((await listCached(options.cacheDir)).map((model) => model.id));
  if (wanted === "ready" && !CATALOGUE.some((entry) => !entry.starter && cachedIds.has(entry.id))) {
    return { reference: starterEntry().id, better: null };
  }
  const choice = chooseModel({
    catalogue: CATALOGUE,
    hardware: await wholeHardware(options.gpus),
    cachedIds,
  });
  if (wanted === "best" && choice.better) return { reference: choice.better.id, better: null };
  return { reference: choice.now.id, better: choice.better };
}

/** The line that names a better model than `servedId`; null when there is none. */
export async function betterModelHint(options: {
  servedId: string;
  cacheDir: string;
  gpus: LazyGpus;
}): Promise<string | null> {
  const served = CATALOGUE.find((entry) => entry.id === options.servedId);
  if (!served) return null;
  const cachedIds = new Set((await listCached(options.cacheDir)).map((model) => model.id));
  const { better } = chooseModel({
    catalogue: CATALOGUE,
    hardware: await wholeHardware(options.gpus),
    cachedIds,
  });
  if (!better || (better.rank ?? 0) >= (served.rank ?? 0)) return null;
  return `A better model fits this machine: ${better.id} (${humanBytes(better.fileBytes)}, ${better.licence}). Fetch it with: ${nodeCommand(`models pull ${better.id}`)}`;
}
