import { readFileSync } from "node:fs";

/** Reads a small text file; null where it does not exist or may not be read. Injected in tests. */
export type ReadText = (path: string) => string | null;

/** The real `ReadText`. A missing file is the normal answer on other systems, not an error. */
export function readTextFile(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

/**
 * The folders of this process's control group and its ancestors, the own one first: a limit holds wherever
 * it is set on the way up. Covers cgroup v2 (one tree) and v1 (one tree per controller).
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
function groupFolders(read: ReadText, controller: "cpu" | "memory"): { v2: string[]; v1: string[] } {
  const lines = (read("/proc/self/cgroup") ?? "").split("\n");
  const v2: string[] = [];
  const v1: string[] = [];
  for (const line of lines) {
    const match = /^\d+:([^:]*):(\/.*)$/.exec(line);
    if (!match) continue;
    const [, controllers = "", path = "/"] = match;
    if (controllers === "") v2.push(...ancestors("/sys/fs/cgroup", path));
    else if (controllers.split(",").includes(controller)) {
      v1.push(...ancestors(`/sys/fs/cgroup/${controller}`, path));
      if (controllers !== controller) v1.push(...ancestors(`/sys/fs/cgroup/${controllers}`, path));
    }
  }
  return { v2, v1 };
}

function ancestors(root: string, path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== "..");
  const folders: string[] = [];
  for (let length = parts.length; length >= 0; length--) {
    folders.push([root, ...parts.slice(0, length)].join("/"));
  }
  return folders;
}

function smallest(values: (number | null)[]): number | null {
  const finite = values.filter((value): value is number => value !== null && Number.isFinite(value));
  return finite.length === 0 ? null : Math.min(...finite);
}

/** The CPU quota in cores (1.5: one and a half), the tightest on the way up; null without one. */
export function cgroupCpuQuota(read: ReadText): number | null {
  const { v2, v1 } = groupFolders(read, "cpu");
  const quotas = v2.map((folder) => {
    const [quota, period] = (read(`${folder}/cpu.max`) ?? "").trim().split(/\s+/);
    return coresOf(quota, period);
  });
  const legacy = v1.map((folder) =>
    coresOf(read(`${folder}/cpu.cfs_quota_us`)?.trim(), read(`${folder}/cpu.cfs_period_us`)?.trim()),
  );
  return smallest([...quotas, ...legacy]);
}

function coresOf(quota: string | undefined, period: string | undefined): number | null {
  const quotaUs = Number(quota);
  const periodUs = Number(period ?? "100000");
  return quota && quotaUs > 0 && periodUs > 0 ? quotaUs / periodUs : null;
}

/** v1 writes "no limit" as a huge number near 2^63. */
const NO_LIMIT = 2 ** 60;

export interface GroupMemory {
  limitBytes: number;
  /** What the group may still take; caches of files count as free. */
  availableBytes: number;
}

/** The memory limit, the tightest on the way up, and what is left under it; null without one. */
export function cgroupMemory(read: ReadText): GroupMemory | null {
  const { v2, v1 } = groupFolders(read, "memory");
  const groups = [
    ...v2.map((folder) => ({ folder, limit: "memory.max", used: "memory.current" })),
    ...v1.map((folder) => ({ folder, limit: "memory.limit_in_bytes", used: "memory.usage_in_bytes" })),
  ];
  const limited = groups.flatMap(({ folder, limit, used }) => {
    const limitBytes = Number(read(`${folder}/${limit}`)?.trim() || "max");
    if (!(limitBytes > 0 && limitBytes < NO_LIMIT)) return [];
    const usedBytes = Number(read(`${folder}/${used}`)?.trim() || "0");
    const stat = read(`${folder}/memory.stat`) ?? "";
    const files = ["inactive_file", "active_file"].reduce(
      (sum, name) => sum + Number(new RegExp(`^${name} (\\d+)$`, "m").exec(stat)?.[1] ?? 0),
      0,
    );
    return [{ limitBytes, availableBytes: Math.max(0, limitBytes - Math.max(0, usedBytes - files)) }];
  });
  if (limited.length === 0) return null;
  return {
    limitBytes: Math.min(...limited.map((one) => one.limitBytes)),
    availableBytes: Math.min(...limited.map((one) => one.availableBytes)),
  };
}
