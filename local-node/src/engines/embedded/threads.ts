import { cpus } from "node:os";

/** Processor time used so far, in milliseconds: by the whole machine, and by this process. */
export interface CpuTimes {
  machineMs: number;
  ownMs: number;
}

export interface ThreadPlan {
  /** For decode, and for the beginning of each prompt: leaves a core to everything else. */
  base: number;
  /** For long prompts while nobody else wants a core. */
  full: number;
}

export interface PrefillThreads {
  /** Call before each slice of a prompt; call what it returns when the slice is evaluated. */
  beginSlice(tokens: number): () => void;
  /** Call when the first token is there. */
  leave(): void;
}

export interface ThreadGovernor {
  enterPrefill(): PrefillThreads;
}

/** Below this a slice ends too soon to gain anything from another thread. */
const MIN_SLICE_TOKENS = 32;
/** Cores of others' work that still count as an idle machine. */
const IDLE_SLACK = 0.2;
/** Processor times are counted in ticks of 10 ms: a shorter window says nothing. */
const MIN_WINDOW_MS = 80;
/** A slice this much slower than with the base count shows threads that wait for each other. */
const SLOW_FACTOR = 1.5;
const BAN_MS = 60_000;

/**
 * Sets the engine's thread limit. Threads of the engine wait for each other by spinning, so when one loses its core
 * to another process a step takes seconds instead of milliseconds (measured: 3 s on two cores). Therefore all cores
 * are used only for long prompts, only while the machine is seen to be idle, and not again for a minute after a slice
 * that was slower than with one thread fewer.
 */
export function createThreadGovernor(options: {
  engine: { maxThreads: number };
  plan: ThreadPlan;
  machineCores: number;
  readTimes: () => CpuTimes;
  now: () => number;
}): ThreadGovernor {
  const { engine, plan, now } = options;
  let prefilling = 0;
  let window: { at: number; times: CpuTimes } | null = null;
  let idle = false;
  let bannedUntil = 0;
  let baseMsPerToken: number | null = null;
  engine.maxThreads = plan.base;

  const look = (): void => {
    const at = now();
    if (window !== null && at - window.at < MIN_WINDOW_MS) return;
    const times = options.readTimes();
    if (window !== null) {
      const machine = times.machineMs - window.times.machineMs;
      const own = times.ownMs - window.times.ownMs;
      const others = Math.max(0, machine - own) / (at - window.at);
      idle = options.machineCores - others >= plan.full - IDLE_SLACK;
    }
    window = { at, times };
  };
  const observe = (threads: number, msPerToken: number): void => {
    if (threads === plan.base) {
      baseMsPerToken = baseMsPerToken === null ? msPerToken : (baseMsPerToken + msPerToken) / 2;
    } else if (baseMsPerToken !== null && msPerToken > baseMsPerToken * SLOW_FACTOR) {
      bannedUntil = now() + BAN_MS;
    }
  };

  return {
    enterPrefill() {
      if (prefilling === 0) {
        // What happened while the engine rested is no measure for now.
        window = null;
        idle = false;
      }
      prefilling++;
      let left = false;
      return {
        beginSlice(tokens) {
          look();
          const useAll = idle && tokens >= MIN_SLICE_TOKENS && now() >= bannedUntil;
          const threads = useAll ? plan.full : plan.base;
          engine.maxThreads = threads;
          const startedAt = now();
          return () => {
            if (tokens >= MIN_SLICE_TOKENS) observe(threads, (now() - startedAt) / tokens);
          };
        },
        leave() {
          if (left) return;
          left = true;
          prefilling--;
          if (prefilling === 0) engine.maxThreads = plan.base;
        },
      };
    },
  };
}

export function readCpuTimes(): CpuTimes {
  const machineMs = cpus().reduce(
    (sum, { times }) => sum + times.user + times.nice + times.sys + times.irq,
    0,
  );
  const own = process.cpuUsage();
  return { machineMs, ownMs: (own.user + own.system) / 1000 };
}

/** The decode counts worth measuring, the smallest first. One core stays free, unless there is only one. */
export function decodeCandidates(cores: number): number[] {
  const most = Math.max(1, cores - 1);
  return [...new Set([Math.min(most, Math.ceil(cores / 2)), most])];
}

/** More threads have to earn it: they also take power and cores from others. */
const MIN_GAIN = 1.1;

/** The best of the measured speeds (tokens/s), keyed by thread count in rising order. */
export function pickThreads(measured: ReadonlyMap<number, number>): {
  threads: number;
  tokensPerSecond: number;
} {
  let best: { threads: number; tokensPerSecond: number } | null = null;
  for (const [threads, tokensPerSecond] of measured) {
    if (best === null || tokensPerSecond >= best.tokensPerSecond * MIN_GAIN)
      best = { threads, tokensPerSecond };
  }
  return best ?? { threads: 1, tokensPerSecond: 0 };
}
