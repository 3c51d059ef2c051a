import { freemem, platform, totalmem } from "node:os";
import { cgroupMemory, type ReadText, readTextFile } from "./cgroup.ts";

export interface HostMemory {
  /** What this process may use at all: the control group's limit, else all of it. */
  totalBytes: number;
  /** What could be taken now without swapping; caches of files count as free. */
  availableBytes: number;
}

/** Kept for the operating system, the daemon and everybody else. */
const RESERVE = { bytes: 2e9, share: 0.2 } as const;

/** The host's memory as far as this process may have it. */
export function hostMemory(
  options: { read?: ReadText; platform?: NodeJS.Platform; total?: () => number; free?: () => number } = {},
): HostMemory {
  const system = options.platform ?? platform();
  const totalBytes = (options.total ?? totalmem)();
  // macOS counts file caches as used, so that hardly anything is ever free there.
  const availableBytes = system === "darwin" ? totalBytes : (options.free ?? freemem)();
  const group = system === "linux" ? cgroupMemory(options.read ?? readTextFile) : null;
  return {
    totalBytes: Math.min(totalBytes, group?.limitBytes ?? totalBytes),
    availableBytes: Math.min(availableBytes, group?.availableBytes ?? availableBytes),
  };
}

/** What models may take of the host's memory in all, whoever uses it now. */
export function modelBudget(totalBytes: number): number {
  return totalBytes - Math.min(RESERVE.bytes, totalBytes * RESERVE.share);
}
