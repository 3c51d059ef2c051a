import { describe, expect, test } from "vitest";
import { hostMemory, modelBudget } from "./host-memory.ts";

const GiB = 2 ** 30;
const V2 = "0::/box\n";
const V1 = "5:memory:/box\n";

function memory(files: Record<string, string>, platform: NodeJS.Platform = "linux") {
  return hostMemory({
    read: (path) => files[path] ?? null,
    platform,
    total: () => 32 * GiB,
    free: () => 20 * GiB,
  });
}

describe("the host's memory", () => {
  test("is what the system says where no control group limits it", () => {
    expect(memory({})).toEqual({ totalBytes: 32 * GiB, availableBytes: 20 * GiB });
    expect(memory({ "/proc/self/cgroup": V2, "/sys/fs/cgroup/box/memory.max": "max" })).toEqual({
      totalBytes: 32 * GiB,
      availableBytes: 20 * GiB,
    });
  });

  test("ends at the control group's limit, where cached files count as free (v2)", () => {
    const found = memory({
      "/proc/self/cgroup": V2,
      "/sys/fs/cgroup/box/memory.max": `${8 * GiB}`,
      "/sys/fs/cgroup/box/memory.current": `${6 * GiB}`,
      "/sys/fs/cgroup/box/memory.stat": `anon ${GiB}\ninactive_file ${3 * GiB}\nactive_file ${1 * GiB}\n`,
    });
    expect(found).toEqual({ totalBytes: 8 * GiB, availableBytes: 6 * GiB });
  });

  test("the tightest group on the way up counts", () => {
    const found = memory({
      "/proc/self/cgroup": V2,
      "/sys/fs/cgroup/box/memory.max": `${8 * GiB}`,
      "/sys/fs/cgroup/memory.max": `${4 * GiB}`,
      "/sys/fs/cgroup/memory.current": `${3 * GiB}`,
    });
    expect(found).toEqual({ totalBytes: 4 * GiB, availableBytes: GiB });
  });

  test("v1 has other names, and a huge number for none", () => {
    const limit = "/sys/fs/cgroup/memory/box/memory.limit_in_bytes";
    const usage = "/sys/fs/cgroup/memory/box/memory.usage_in_bytes";
    expect(memory({ "/proc/self/cgroup": V1, [limit]: `${2 * GiB}`, [usage]: `${GiB}` })).toEqual({
      totalBytes: 2 * GiB,
      availableBytes: GiB,
    });
    expect(memory({ "/proc/self/cgroup": V1, [limit]: "9223372036854771712" }).totalBytes).toBe(32 * GiB);
  });

  test("macOS calls hardly anything free, so all of it counts there", () => {
    expect(memory({}, "darwin")).toEqual({ totalBytes: 32 * GiB, availableBytes: 32 * GiB });
  });

  test("models get what the system does not need", () => {
    expect(modelBudget(32e9)).toBe(30e9);
    expect(modelBudget(4e9)).toBe(3.2e9);
  });
});
