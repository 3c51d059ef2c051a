import { describe, expect, test } from "vitest";
import type { GpuReading } from "../hardware/nvidia-smi.ts";
import { createGpuTakenDetector, type GpuSight } from "./gpu-taken.ts";

const MIB = 1024 * 1024;
const OWN = 100;
const gpu = (utilizationPercent: number | null): GpuReading => ({
  name: "RTX",
  powerWatts: null,
  temperatureCelsius: null,
  utilizationPercent,
  memoryUsedBytes: null,
  memoryTotalBytes: null,
});
const look = (sight: Partial<GpuSight>): GpuSight => ({
  processes: [],
  gpus: [gpu(0)],
  ownPids: [OWN],
  nodeWasBusy: false,
  ...sight,
});
const blender = { pid: 7, name: "/usr/bin/blender", memoryBytes: 4_000 * MIB };

function watch(ignore: string[] = []) {
  const detect = createGpuTakenDetector();
  return (sight: Partial<GpuSight>, times = 1): string | null => {
    let taken: string | null = null;
    for (let count = 0; count < times; count++) taken = detect(look(sight), ignore);
    return taken;
  };
}

describe("whether somebody else needs the GPU", () => {
  test("another process that computes there, seen twice; and no longer after a minute without", () => {
    const see = watch();
    expect(see({ processes: [blender] })).toBeNull();
    expect(see({ processes: [blender] })).toBe("blender");
    expect(see({}, 11)).toBe("blender");
    expect(see({ processes: [blender] })).toBe("blender");
    expect(see({}, 11)).toBe("blender");
    expect(see({})).toBeNull();
  });

  test.each<[string, Partial<GpuSight>]>([
    ["the node's own process", { processes: [{ ...blender, pid: OWN }] }],
    ["a desktop's small use", { processes: [{ ...blender, memoryBytes: 200 * MIB }] }],
    ["processes whose memory the driver does not tell", { processes: [{ ...blender, memoryBytes: null }] }],
    ["load while the node computes", { gpus: [gpu(99)], nodeWasBusy: true }],
    ["little load", { gpus: [gpu(20)] }],
    ["load that is not told", { gpus: [gpu(null)] }],
    ["no driver", { processes: null, gpus: null }],
  ])("not by %s", (_name, sight) => {
    expect(watch()(sight, 20)).toBeNull();
  });

  test("a program that the owner lets share it", () => {
    expect(watch(["BLENDER"])({ processes: [blender] }, 5)).toBeNull();
    expect(watch(["ollama"])({ processes: [blender] }, 5)).toBe("blender");
  });

  test("load while the node does nothing, as of a game, until the load is gone", () => {
    const see = watch();
    expect(see({ gpus: [gpu(0), gpu(60)] }, 2)).toBe("another program");
    expect(see({ gpus: [gpu(20)] }, 30)).toBe("another program");
    expect(see({ gpus: [gpu(5)] }, 12)).toBeNull();
  });

  test("a driver that falls silent changes nothing", () => {
    const see = watch();
    see({ processes: [blender] }, 2);
    expect(see({ processes: null, gpus: null }, 50)).toBe("blender");
  });
});
