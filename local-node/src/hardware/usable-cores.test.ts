import { describe, expect, test } from "vitest";
import { usableCores } from "./usable-cores.ts";

function files(map: Record<string, string>) {
  return (path: string) => map[path] ?? null;
}

const V2 = "0::/system.slice/docker-1.scope\n";
const V1 = "4:memory:/box\n2:cpu,cpuacct:/box\n0::/\n";

describe("usable cores", () => {
  const rows: [string, number, Record<string, string>, number][] = [
    ["no control group", 8, {}, 8],
    ["v2 without a limit", 8, { "/proc/self/cgroup": V2, "/sys/fs/cgroup/cpu.max": "max 100000" }, 8],
    [
      "v2, own quota",
      8,
      { "/proc/self/cgroup": V2, "/sys/fs/cgroup/system.slice/docker-1.scope/cpu.max": "300000 100000" },
      3,
    ],
    [
      "v2, the parent is tighter",
      8,
      {
        "/proc/self/cgroup": V2,
        "/sys/fs/cgroup/system.slice/docker-1.scope/cpu.max": "600000 100000",
        "/sys/fs/cgroup/system.slice/cpu.max": "200000 100000",
      },
      2,
    ],
    [
      "v2 in a private namespace",
      8,
      { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "150000 100000" },
      1,
    ],
    [
      "less than one core is still one thread",
      4,
      { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "20000 100000" },
      1,
    ],
    [
      "v1",
      8,
      {
        "/proc/self/cgroup": V1,
        "/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us": "200000\n",
        "/sys/fs/cgroup/cpu/box/cpu.cfs_period_us": "50000\n",
      },
      4,
    ],
    [
      "v1 without a limit",
      8,
      { "/proc/self/cgroup": V1, "/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us": "-1" },
      8,
    ],
    [
      "affinity is tighter than the quota",
      2,
      { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "800000 100000" },
      2,
    ],
  ];
  test.each(rows)("%s", (_name, available, map, expected) => {
    expect(usableCores({ available: () => available, read: files(map), platform: "linux" })).toBe(expected);
  });

  test("other systems have no control groups", () => {
    const read = () => {
      throw new Error("must not read");
    };
    expect(usableCores({ available: () => 10, read, platform: "darwin" })).toBe(10);
  });
});
