import { z } from "zod";
import type { Engine } from "../engines/engine.ts";
import type { EnergyMeasure } from "../hardware/energy-meter.ts";
import { createGpuWatch, type GpuWatch } from "../hardware/gpu-watch.ts";
import type { Gpu } from "../hardware/hardware.ts";
import { residentBytes } from "../hardware/process-memory.ts";
import { type CallRecord, callRecordSchema } from "../serve/call-record.ts";

const RECENT = 20;
const TICK_MS = 1_000;
/** Tokens per second are told over this many ticks. */
const RATE_TICKS = 5;

const known = z.number().nonnegative().nullable();

/** How the daemon is doing, beside what the gateway is told. Null: not known here. */
export const vitalsSchema = z.object({
  calls: z.object({
    total: z.number().int(),
    failed: z.number().int(),
    /** The latest first; `endedAt` in milliseconds since the epoch. */
    recent: z.array(callRecordSchema.extend({ endedAt: z.number() })),
  }),
  /** Written by all engines together over the last seconds. */
  tokensPerSecond: z.number().nonnegative(),
  memory: z.object({ daemonBytes: known, modelBytes: known }),
  /** NVIDIA's, while a model is on one. */
  gpus: z
    .array(
      z.object({
        name: z.string(),
        powerWatts: known,
        temperatureCelsius: z.number().nullable(),
        utilizationPercent: known,
        memoryUsedBytes: known,
        memoryTotalBytes: known,
      }),
    )
    .nullable(),
});
export type Vitals = z.infer<typeof vitalsSchema>;

export interface VitalsWatch {
  onCall(call: CallRecord): void;
  /** Null where the energy of calls on this engine cannot be known. */
  measure(engine: Engine): EnergyMeasure | null;
  /** Call when engines or hardware have changed. */
  refresh(): void;
  read(): Vitals;
  close(): void;
}

/** Watches what the daemon does, and what that takes of the machine. */
export function watchVitals(options: {
  engines: () => readonly Engine[];
  /** As found so far. */
  gpus: () => readonly Gpu[];
  /** Tokens written since the start. */
  writtenTokens: () => number;
  now?: () => number;
  gpuWatch?: GpuWatch;
}): VitalsWatch {
  const now = options.now ?? Date.now;
  const gpuWatch = options.gpuWatch ?? createGpuWatch();
  const recent: Vitals["calls"]["recent"] = [];
  const written: { at: number; tokens: number }[] = [];
  let total = 0;
  let failed = 0;
  let memory: Vitals["memory"] = { daemonBytes: null, modelBytes: null };

  const isOnNvidia = (engine: Engine): boolean => {
    const { device } = engine.placement();
    if (device === "cuda") return true;
    const gpus = options.gpus();
    return device === "vulkan" && gpus.length > 0 && gpus.every(({ name }) => /nvidia/i.test(name));
  };
  const refresh = (): void => gpuWatch.want(options.engines().some(isOnNvidia));
  const tick = async (): Promise<void> => {
    written.push({ at: performance.now(), tokens: options.writtenTokens() });
    if (written.length > RATE_TICKS + 1) written.shift();
    const pids = options.engines().flatMap((engine) => engine.placement().pids);
    const [daemonBytes, modelBytes] = await Promise.all([residentBytes([process.pid]), residentBytes(pids)]);
    memory = { daemonBytes, modelBytes };
  };
  const onTick = (): void => {
    tick().catch(() => {
      memory = { daemonBytes: null, modelBytes: null };
    });
  };
  const timer = setInterval(onTick, TICK_MS).unref();
  onTick();

  return {
    onCall: (call) => {
      total++;
      if (call.outcome !== "ok") failed++;
      recent.unshift({ ...call, endedAt: now() });
      if (recent.length > RECENT) recent.pop();
    },
    measure: (engine) => (isOnNvidia(engine) ? gpuWatch.measure() : null),
    refresh,
    read: () => ({
      calls: { total, failed, recent: [...recent] },
      tokensPerSecond: rate(written),
      memory,
      gpus: gpuWatch.latest(),
    }),
    close: () => {
      clearInterval(timer);
      gpuWatch.close();
    },
  };
}

/** Of counts over time. */
function rate(counts: readonly { at: number; tokens: number }[]): number {
  const first = counts[0];
  const last = counts.at(-1);
  if (first === undefined || last === undefined || last.at === first.at) return 0;
  return (Math.max(0, last.tokens - first.tokens) * 1000) / (last.at - first.at);
}
