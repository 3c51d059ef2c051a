import { readGpuProcesses, readGpus } from "../hardware/nvidia-smi.ts";
import type { GpuSight } from "./gpu-taken.ts";

/** Looks at the GPUs, and whether the node itself computed since the last look. */
export function createGpuLook(options: {
  /** Calls that have ended since the start. */
  calls: () => number;
  /** Calls that run. */
  busy: () => number;
  /** The processes that hold the node's models. */
  pids: () => readonly number[];
}): () => Promise<GpuSight> {
  let seen = 0;
  return async () => {
    const calls = options.calls();
    const nodeWasBusy = options.busy() > 0 || calls !== seen;
    seen = calls;
    const ownPids = [process.pid, ...options.pids()];
    const [processes, gpus] = await Promise.all([readGpuProcesses(), readGpus()]);
    return { processes, gpus, ownPids, nodeWasBusy };
  };
}
