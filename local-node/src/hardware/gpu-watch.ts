import { createEnergyMeter, type EnergyMeasure } from "./energy-meter.ts";
import { type GpuReading, streamGpus } from "./nvidia-smi.ts";

/** Often enough for calls of a second, and no load for the driver. */
const INTERVAL_MS = 500;

/** A driver that breaks off is asked again after this. */
const RETRY_MS = 30_000;

export interface GpuWatch {
  /** Begins or ends watching: it costs a process, and is worth it only while a model is on an NVIDIA GPU. */
  want(wanted: boolean): void;
  /** The last readings; null when there are none that are fresh. */
  latest(): GpuReading[] | null;
  /** Measures a call from now on. */
  measure(): EnergyMeasure;
  close(): void;
}

/** Keeps reading the NVIDIA GPUs, and from their power the energy of calls. */
export function createGpuWatch(
  options: { intervalMs?: number; retryMs?: number; now?: () => number; program?: string } = {},
): GpuWatch {
  const intervalMs = options.intervalMs ?? INTERVAL_MS;
  const now = options.now ?? (() => performance.now());
  const maxAgeMs = intervalMs * 4;
  const meter = createEnergyMeter({ maxGapMs: maxAgeMs, now });
  let stream: { close(): void } | null = null;
  let retry: NodeJS.Timeout | null = null;
  let last: { at: number; gpus: GpuReading[] } | null = null;

  const start = (): void => {
    let answered = false;
    stream = streamGpus({
      intervalMs,
      program: options.program,
      onSample: (gpus) => {
        answered = true;
        last = { at: now(), gpus };
        meter.sample(totalWatts(gpus));
      },
      onEnd: () => {
        stream = null;
        // One that never answered is not there.
        if (answered) retry = setTimeout(start, options.retryMs ?? RETRY_MS).unref();
      },
    });
  };
  const stop = (): void => {
    if (retry !== null) clearTimeout(retry);
    retry = null;
    stream?.close();
    stream = null;
    last = null;
  };
  let wanted = false;

  return {
    want: (next) => {
      if (next === wanted) return;
      wanted = next;
      if (wanted) start();
      else stop();
    },
    latest: () => (last !== null && now() - last.at <= maxAgeMs ? last.gpus : null),
    measure: () => meter.begin(),
    close: stop,
  };
}

/** Null when any board does not tell: its share is then unknown. */
function totalWatts(gpus: GpuReading[]): number | null {
  return gpus.reduce<number | null>(
    (sum, { powerWatts }) => (sum === null || powerWatts === null ? null : sum + powerWatts),
    0,
  );
}
