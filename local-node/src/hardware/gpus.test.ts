import { describe, expect, test } from "vitest";
import { judge, type LibraryProbe, parseNvidia } from "./gpus.ts";

const NVIDIA = [{ name: "NVIDIA GeForce RTX 3090", memoryBytes: 24_576 * 1024 * 1024, driver: "580.65" }];
const cpuOnly: LibraryProbe = { backend: false, names: [], memoryBytes: 0, unifiedBytes: 0 };
const vulkan: LibraryProbe = {
  backend: "vulkan",
  names: ["AMD Radeon RX 7900 XTX"],
  memoryBytes: 24e9,
  unifiedBytes: 0,
};
const machine = { platform: "linux" as const, arch: "x64", chip: "CPU" };

test("nvidia-smi's lines", () => {
  expect(
    parseNvidia("NVIDIA GeForce RTX 3090, 24576, 580.65\nNVIDIA H100 80GB HBM3, 81559, 570.1\n"),
  ).toEqual([
    NVIDIA[0],
    { name: "NVIDIA H100 80GB HBM3", memoryBytes: 81_559 * 1024 * 1024, driver: "570.1" },
  ]);
  expect(
    parseNvidia("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."),
  ).toEqual([]);
});

describe("what is made of the findings", () => {
  test("CUDA works: all is well", () => {
    const probe = { backend: "cuda", names: ["NVIDIA GeForce RTX 3090"], memoryBytes: 25e9, unifiedBytes: 0 };
    expect(judge({ ...machine, nvidia: NVIDIA, probe })).toEqual({
      gpus: [{ name: NVIDIA[0]?.name, memoryBytes: NVIDIA[0]?.memoryBytes, backend: "cuda" }],
      problem: null,
    });
  });

  test("a driver without the CUDA libraries: says so, and how to mend it", () => {
    const found = judge({ ...machine, nvidia: NVIDIA, probe: cpuOnly });
    expect(found.gpus[0]?.backend).toBe("none");
    expect(found.problem).toMatch(/RTX 3090 runs not at all.*CUDA runtime and cuBLAS.*apt install/);
  });

  test("NVIDIA through Vulkan: it runs, but slower than it could", () => {
    const probe = {
      backend: "vulkan",
      names: ["NVIDIA GeForce RTX 3090"],
      memoryBytes: 25e9,
      unifiedBytes: 0,
    };
    const found = judge({ ...machine, platform: "win32", nvidia: NVIDIA, probe });
    expect(found.gpus).toEqual([{ name: "NVIDIA GeForce RTX 3090", memoryBytes: 25e9, backend: "vulkan" }]);
    expect(found.problem).toMatch(/Vulkan, which is slower.*winget/);
  });

  test("an AMD card through Vulkan is as good as it gets", () => {
    expect(judge({ ...machine, nvidia: null, probe: vulkan })).toEqual({
      gpus: [{ name: "AMD Radeon RX 7900 XTX", memoryBytes: 24e9, backend: "vulkan" }],
      problem: null,
    });
  });

  test("Metal is named after its chip", () => {
    const probe = { backend: "metal", names: [], memoryBytes: 11e9, unifiedBytes: 11e9 };
    const found = judge({ platform: "darwin", arch: "arm64", chip: "Apple M2", nvidia: null, probe });
    expect(found.gpus).toEqual([{ name: "Apple M2", memoryBytes: 11e9, backend: "metal" }]);
  });

  test("no GPU, and a library that does not load", () => {
    expect(judge({ ...machine, nvidia: null, probe: cpuOnly }).problem).toMatch(/No GPU was found/);
    expect(judge({ ...machine, nvidia: NVIDIA, probe: null })).toMatchObject({
      gpus: [{ backend: "none" }],
      problem: expect.stringMatching(/could not be loaded/),
    });
  });
});
