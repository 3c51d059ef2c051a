import { describe, expect, it } from "vitest";
import { cgroupCores, usableCores } from "./cpu-quota.ts";

const files = (tree: Record<string, string>) => (path: string) => tree[path] ?? null;

describe("cgroupCores", () => {
  it("reads cgroup v2, and takes the smallest quota of the group and its parents", () => {
    const tree = {
      "/proc/self/cgroup": "0::/a/b\n",
      "/sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
      "/sys/fs/cgroup/a/cpu.max": "150000 100000\n",
      "/sys/fs/cgroup/cpu.max": "400000 100000\n",
    };
    expect(cgroupCores(files(tree))).toBe(1.5);
  });

  it("reads the root of a container's own namespace", () => {
    const tree = { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "50000 100000\n" };
    expect(cgroupCores(files(tree))).toBe(0.5);
  });

  it("reads cgroup v1, with and without joined controllers", () => {
    const joined = {
      "/proc/self/cgroup": "4:memory:/x\n3:cpu,cpuacct:/x\n",
      "/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "200000\n",
      "/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n",
    };
    expect(cgroupCores(files(joined))).toBe(2);
    const single = {
      "/proc/self/cgroup": "1:cpu:/\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    };
    expect(cgroupCores(files(single))).toBeNull();
  });

  it("sees no quota where there is none, or no cgroups at all", () => {
    expect(cgroupCores(files({}))).toBeNull();
    expect(
      cgroupCores(files({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "max 100000\n" })),
    ).toBeNull();
  });
});

describe("usableCores", () => {
  const quota = files({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "250000 100000\n" });

  it("takes the smallest of affinity, quota and useful cores, whole and at least one", () => {
    expect(usableCores({ readText: quota, parallelism: 8 })).toBe(2);
    expect(usableCores({ readText: files({}), parallelism: 8, mathCores: 4 })).toBe(4);
    expect(usableCores({ readText: files({}), parallelism: 1, mathCores: 4 })).toBe(1);
    const half = files({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "50000 100000\n" });
    expect(usableCores({ readText: half, parallelism: 8 })).toBe(1);
  });
});
