import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Reads a file as text; null where there is none. */
export type ReadText = (path: string) => string | null;

/**
 * How many cores this process may really use: the affinity mask and the quota of its control group, which
 * llama.cpp's own default does not see (on two cores it takes four threads, hundreds of times slower).
 */
export function usableCores(
  options: { readText?: ReadText; parallelism?: number; mathCores?: number } = {},
): number {
  const parallelism = options.parallelism ?? availableParallelism();
  const quota = cgroupCores(options.readText ?? readTextOrNull) ?? Number.POSITIVE_INFINITY;
  const mathCores = options.mathCores || Number.POSITIVE_INFINITY;
  return Math.max(1, Math.floor(Math.min(parallelism, quota, mathCores)));
}

/** The CPU quota in cores, the smallest of the group's and its parents'; null where none is set (cgroup v1 and v2). */
export function cgroupCores(readText: ReadText): number | null {
  const groups = readText("/proc/self/cgroup");
  if (groups === null) return null;
  const quotas = groups.split("\n").flatMap((line) => {
    const [, controllers, path] = line.split(":");
    if (controllers === undefined || path === undefined) return [];
    if (controllers === "") return ancestors(path).map((group) => readV2Quota(readText, group));
    if (!controllers.split(",").includes("cpu")) return [];
    return ancestors(path).map((group) => readV1Quota(readText, controllers, group));
  });
  const set = quotas.filter((quota) => quota !== null);
  return set.length === 0 ? null : Math.min(...set);
}

function readV2Quota(readText: ReadText, group: string): number | null {
  const [quota, period] = (readText(`/sys/fs/cgroup${group}/cpu.max`) ?? "").trim().split(/\s+/);
  return toCores(quota, period);
}

function readV1Quota(readText: ReadText, controllers: string, group: string): number | null {
  const folders = [`/sys/fs/cgroup/${controllers}${group}`, `/sys/fs/cgroup/cpu${group}`];
  for (const folder of folders) {
    const quota = readText(`${folder}/cpu.cfs_quota_us`);
    if (quota !== null) return toCores(quota.trim(), readText(`${folder}/cpu.cfs_period_us`)?.trim());
  }
  return null;
}

function toCores(quota: string | undefined, period: string | undefined): number | null {
  const cores = Number(quota) / Number(period);
  return Number.isFinite(cores) && cores > 0 ? cores : null;
}

/** `/a/b` gives `/a/b`, `/a` and the root, written as an empty text. */
function ancestors(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "");
  return parts.map((_, index) => `/${parts.slice(0, parts.length - index).join("/")}`).concat("");
}

function readTextOrNull(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null; // another operating system or cgroup layout: there is no quota to see
  }
}
