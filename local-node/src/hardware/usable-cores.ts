import { availableParallelism } from "node:os";
import { cgroupCpuQuota, type ReadText, readTextFile } from "./cgroup.ts";

/**
 * How many cores this process may keep busy: CPU affinity (`availableParallelism`) and the control group's
 * quota, whichever is less; at least 1. More threads than this make llama.cpp hundreds of times slower, since
 * its threads spin at barriers. A fraction of a quota is rounded down for the same reason.
 */
export function usableCores(
  options: { available?: () => number; read?: ReadText; platform?: NodeJS.Platform } = {},
): number {
  const available = (options.available ?? availableParallelism)();
  const platform = options.platform ?? process.platform;
  const quota = platform === "linux" ? cgroupCpuQuota(options.read ?? readTextFile) : null;
  return Math.max(1, Math.floor(Math.min(available, quota ?? available)));
}
