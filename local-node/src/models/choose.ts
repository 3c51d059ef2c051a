import type { Hardware } from "../hardware/hardware.ts";
import { bandwidthOf, computeOf } from "../hardware/speed.ts";
import type { CatalogueEntry } from "./catalogue.ts";
import type { ModelSizes } from "./file-sizes.ts";

/** Slower than this is no help to an agent. */
export const FAST_ENOUGH = { tokensPerSecond: 15, firstTokenSeconds: 2, promptTokens: 1_000 } as const;

/** Published single-stream figures reach 51 to 73 % of memory bandwidth ÷ bytes per token. */
const DECODE_EFFICIENCY = 0.55;

/** What the operating system, the daemon and everybody else need. */
const RESERVED = { host: 2e9, gpuShare: 0.1 } as const;

export interface Estimate {
  fits: boolean;
  fastEnough: boolean;
  tokensPerSecond: number;
  /** Of a prompt of 1,000 tokens. */
  firstTokenSeconds: number;
  /** Where it would run. */
  on: "gpu" | "cpu";
}

/**
 * What a model would do here, from sizes and published bandwidths: enough to choose a download by,
 * and replaced by measurement once it runs.
 */
export function estimate(entry: ModelSizes, hardware: Hardware): Estimate {
  const gpus = hardware.gpus.filter((gpu) => gpu.backend !== "none");
  const gpuMemory = Math.max(0, ...gpus.map((gpu) => gpu.memoryBytes * (1 - RESERVED.gpuShare)));
  const gpu = gpus.find((one) => one.memoryBytes * (1 - RESERVED.gpuShare) === gpuMemory) ?? null;
  const onGpu = gpu !== null && entry.memoryBytes <= gpuMemory;
  const device = onGpu ? gpu : null;
  const fits = onGpu || entry.memoryBytes <= hardware.memoryBytes - RESERVED.host;
  const active = (entry.activeParametersB ?? entry.parametersB) / entry.parametersB;
  const tokensPerSecond = (bandwidthOf(hardware, device) * DECODE_EFFICIENCY) / (entry.fileBytes * active);
  const operations = 2 * entry.parametersB * active * 1e9 * FAST_ENOUGH.promptTokens;
  const firstTokenSeconds = operations / computeOf(hardware, device);
  return {
    fits,
    fastEnough:
      tokensPerSecond >= FAST_ENOUGH.tokensPerSecond && firstTokenSeconds <= FAST_ENOUGH.firstTokenSeconds,
    tokensPerSecond,
    firstTokenSeconds,
    on: onGpu ? "gpu" : "cpu",
  };
}

export interface Choice {
  /** What to load now. */
  now: CatalogueEntry;
  /** Whether `now` is in the cache. */
  cached: boolean;
  /** A better one that fits this machine and is not in the cache; null when `now` is the best. */
  better: CatalogueEntry | null;
}

/**
 * The model of a start without a choice. It must be ready soon, so only what is in the cache competes; the starter
 * is small enough to be fetched on the spot. The best of the whole catalogue is named beside it.
 */
export function chooseModel(options: {
  catalogue: readonly CatalogueEntry[];
  hardware: Hardware;
  cachedIds: ReadonlySet<string>;
}): Choice {
  const { catalogue, hardware, cachedIds } = options;
  const starter = catalogue.find((entry) => entry.starter);
  if (!starter) throw new RangeError("The catalogue has no starter model.");
  const ranked = catalogue
    .filter((entry) => entry.rank !== null)
    .sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0))
    .filter((entry) => {
      const { fits, fastEnough } = estimate(entry, hardware);
      return fits && fastEnough;
    });
  const now = ranked.find((entry) => cachedIds.has(entry.id)) ?? starter;
  const best = ranked[0] ?? starter;
  return {
    now,
    cached: cachedIds.has(now.id),
    better: best.id === now.id || (best.rank ?? 0) > (now.rank ?? 0) ? null : best,
  };
}
