import type { NodeConfig } from "./config/schema.ts";
import { createGpuTakenDetector, type GpuSight } from "./gpu-taken.ts";
import type { Log } from "./log.ts";
import {
  describePause,
  loadOwnersPause,
  type Pause,
  type PauseSources,
  pauseOf,
  saveOwnersPause,
} from "./pause.ts";
import { parseQuietHours, quietUntil } from "./quiet-hours.ts";

const TICK_MS = 5_000;

export interface PauseControl {
  /** Null: the node serves. */
  current(): Pause | null;
  /** Pauses for so many milliseconds; null: until it is told to go on. */
  pause(forMs: number | null): void;
  /** Goes on, also where the plan or the GPU says otherwise: until these reasons have once gone away. */
  resume(): void;
  /** Looks again: the configuration changed, or time passed. */
  refresh(): Promise<void>;
  close(): void;
}

/**
 * Says when the node is paused, by its owner's word, his quiet hours, and what takes the GPU. The word is kept in a
 * file.
 *
 * @param look what the GPUs do now; asked only where the configuration wants it
 * @param onChange called with every answer that differs from the one before; the first is `current()`
 */
export async function createPauseControl(options: {
  path: string;
  config: () => NodeConfig["pause"];
  look: () => Promise<GpuSight>;
  onChange: (pause: Pause | null) => void;
  log: Log;
  now?: () => number;
  tickMs?: number;
}): Promise<PauseControl> {
  const { path, log } = options;
  const now = options.now ?? Date.now;
  const sources: PauseSources = { owner: null, quietUntil: null, gpuTakenBy: null, overridden: false };
  let current: Pause | null = null;
  let begun = false;
  let detect = createGpuTakenDetector();
  try {
    sources.owner = await loadOwnersPause(path);
  } catch (error) {
    log("warn", error instanceof Error ? error.message : String(error));
  }

  const readClock = (): void => {
    const hours = options.config().quietHours.map(parseQuietHours);
    sources.quietUntil = quietUntil(
      hours.filter((one) => one !== null),
      now(),
    );
  };
  const setOwner = (owner: PauseSources["owner"]): void => {
    sources.owner = owner;
    saveOwnersPause(path, owner).catch((error: unknown) =>
      log("warn", `The pause cannot be kept over a restart: ${path}: ${String(error)}`),
    );
  };
  const decide = (): void => {
    if (sources.owner?.until != null && sources.owner.until <= now()) setOwner(null);
    if (sources.quietUntil === null && sources.gpuTakenBy === null) sources.overridden = false;
    const next = pauseOf(sources, now());
    if (JSON.stringify(next) === JSON.stringify(current)) return;
    current = next;
    if (next === null) log("info", "The node goes on.");
    else log("info", `The node is ${describePause(next)}.`, { reason: next.reason });
    if (begun) options.onChange(next);
  };
  const refresh = async (): Promise<void> => {
    const { whenGpuTaken, ignore } = options.config();
    if (whenGpuTaken) sources.gpuTakenBy = detect(await options.look(), ignore);
    else {
      sources.gpuTakenBy = null;
      detect = createGpuTakenDetector();
    }
    readClock();
    decide();
  };
  const timer = setInterval(() => {
    refresh().catch((error: unknown) => log("warn", `Looking at the GPU failed: ${String(error)}`));
  }, options.tickMs ?? TICK_MS).unref();
  readClock();
  decide();
  begun = true;

  return {
    current: () => current,
    pause: (forMs) => {
      setOwner({ until: forMs === null ? null : now() + forMs });
      sources.overridden = false;
      decide();
    },
    resume: () => {
      if (sources.owner !== null) setOwner(null);
      sources.overridden = true;
      readClock();
      decide();
    },
    refresh,
    close: () => clearInterval(timer),
  };
}
