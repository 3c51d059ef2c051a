import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type GpuReading,
  parseProcess,
  parseReading,
  readGpuProcesses,
  readGpus,
  streamGpus,
} from "./nvidia-smi.ts";
import { type FakeNvidiaSmi, makeFakeNvidiaSmi } from "./testing/fake-nvidia-smi.ts";

const MIB = 1024 * 1024;

describe("a line of readings", () => {
  it("has numbers where the driver measures, and null where it does not", () => {
    expect(parseReading("0, NVIDIA GeForce RTX 3090, 287.41, 61, 97, 8123, 24576")).toEqual({
      index: 0,
      reading: {
        name: "NVIDIA GeForce RTX 3090",
        powerWatts: 287.41,
        temperatureCelsius: 61,
        utilizationPercent: 97,
        memoryUsedBytes: 8123 * MIB,
        memoryTotalBytes: 24576 * MIB,
      },
    });
    expect(
      parseReading("1, NVIDIA GeForce GT 710, [N/A], 41, [Not Supported], 210, [Unknown Error]"),
    ).toEqual({
      index: 1,
      reading: {
        name: "NVIDIA GeForce GT 710",
        powerWatts: null,
        temperatureCelsius: 41,
        utilizationPercent: null,
        memoryUsedBytes: 210 * MIB,
        memoryTotalBytes: null,
      },
    });
  });

  it.each([
    "",
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
    "No devices were found",
    "Unable to determine the device handle for GPU 0000:01:00.0: GPU is lost.",
    "x, name, 1, 2, 3, 4, 5",
  ])("is none: %s", (line) => {
    expect(parseReading(line)).toBeNull();
  });
});

it("processes: names may contain commas, memory may be unknown", () => {
  expect(parseProcess("4711, /opt/a, b/python3, 5120")).toEqual([
    { pid: 4711, name: "/opt/a, b/python3", memoryBytes: 5120 * MIB },
  ]);
  expect(parseProcess("88, C:\\Windows\\explorer.exe, [N/A]")).toEqual([
    { pid: 88, name: "C:\\Windows\\explorer.exe", memoryBytes: null },
  ]);
  expect(parseProcess("No running processes found")).toEqual([]);
});

describe.skipIf(process.platform === "win32")("the program", () => {
  let folder: string;
  let smi: FakeNvidiaSmi;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "routelet-smi-"));
    smi = await makeFakeNvidiaSmi(folder);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("is asked once", async () => {
    await smi.setReadings("0, A, 10, 20, 30, 40, 50\n1, B, 11, 21, 31, 41, 51\n");
    await smi.setProcesses("1, x, 300\n");
    expect((await readGpus(smi.program))?.map(({ name }) => name)).toEqual(["A", "B"]);
    expect(await readGpuProcesses(smi.program)).toEqual([{ pid: 1, name: "x", memoryBytes: 300 * MIB }]);
  });

  it("is not there", async () => {
    const missing = join(folder, "missing");
    expect([await readGpus(missing), await readGpuProcesses(missing)]).toEqual([null, null]);
    await new Promise<void>((onEnd) =>
      streamGpus({ intervalMs: 50, onSample: () => {}, onEnd, program: missing }),
    );
  });

  it("streams whole rounds of every GPU until it is closed", async () => {
    await smi.setReadings("0, A, 10, 20, 30, 40, 50\n1, B, 11, 21, 31, 41, 51\n");
    const samples: GpuReading[][] = [];
    let ended = false;
    const stream = streamGpus({
      intervalMs: 40,
      onSample: (gpus) => samples.push(gpus),
      onEnd: () => {
        ended = true;
      },
      program: smi.program,
    });
    await vi.waitFor(() => expect(samples.length).toBeGreaterThan(2), { timeout: 20_000 });
    stream.close();
    for (const gpus of samples) expect(gpus.map(({ name }) => name)).toEqual(["A", "B"]);
    expect(ended).toBe(false);
  });
});
