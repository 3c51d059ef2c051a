import { describe, expect, test } from "vitest";
import type { Hardware } from "../hardware/hardware.ts";
import { CATALOGUE, starterEntry } from "./catalogue.ts";
import { chooseModel, estimate } from "./choose.ts";
import { parseReference } from "./reference.ts";

const GB = 1e9;

function machine(
  cores: number,
  memoryGb: number,
  gpu?: [name: string, gb: number, backend: string],
): Hardware {
  return {
    platform: "linux-x64",
    cpu: "CPU",
    cores,
    memoryBytes: memoryGb * GB,
    gpus: gpu ? [{ name: gpu[0], memoryBytes: gpu[1] * GB, backend: gpu[2] }] : [],
  };
}

describe("the best model for a machine", () => {
  const rows: [string, Hardware, string][] = [
    ["two cores, 24 GB, no GPU: the starter, certainly not 9 B", machine(2, 24), "smollm2-135m-instruct"],
    ["a workstation without GPU stays below 1 B", machine(16, 64), "qwen3.5-0.8b"],
    ["RTX 3060, 12 GB", machine(8, 32, ["NVIDIA GeForce RTX 3060", 12.6, "cuda"]), "qwen3.5-9b"],
    [
      "RTX 3050, 8 GB: 9 B no longer fits",
      machine(8, 32, ["NVIDIA GeForce RTX 3050", 8.2, "cuda"]),
      "qwen3.5-4b",
    ],
    ["a card of 4 GB", machine(8, 16, ["NVIDIA GeForce RTX 3050", 4.2, "cuda"]), "qwen3.5-2b"],
    ["H100", machine(16, 128, ["NVIDIA H100 80GB HBM3", 85, "cuda"]), "qwen3.5-9b"],
    ["Apple M2, 16 GB", machine(8, 17, ["Apple M2", 11.4, "metal"]), "qwen3.5-2b"],
    ["Apple M3 Max, 64 GB", machine(14, 64, ["Apple M3 Max", 48, "metal"]), "qwen3.5-9b"],
    [
      "a GPU that cannot be used does not count",
      machine(2, 24, ["NVIDIA GeForce RTX 4090", 25, "none"]),
      "smollm2-135m-instruct",
    ],
    [
      "an integrated GPU is no fast one",
      machine(8, 16, ["Intel(R) UHD Graphics", 8, "vulkan"]),
      "granite-4.0-350m",
    ],
    ["one core, 1 GB", machine(1, 1), "smollm2-135m-instruct"],
  ];
  test.each(rows)("%s", (_name, hardware, expected) => {
    const { now, better } = chooseModel({ catalogue: CATALOGUE, hardware, cachedIds: new Set() });
    expect(now.id).toBe(starterEntry().id);
    expect((better ?? now).id).toBe(expected);
  });

  test("whatever is chosen beyond the starter fits and is fast enough", () => {
    for (const [, hardware, id] of rows) {
      const entry = CATALOGUE.find((one) => one.id === id);
      if (!entry || entry.starter) continue;
      expect(estimate(entry, hardware)).toMatchObject({ fits: true, fastEnough: true });
    }
  });
});

describe("a start without a choice", () => {
  const gaming = machine(8, 32, ["NVIDIA GeForce RTX 3090", 25.7, "cuda"]);
  const rows: [string, Hardware, string[], string, string | null][] = [
    ["nothing cached: the starter, and the best is named", gaming, [], "smollm2-135m-instruct", "qwen3.5-9b"],
    [
      "the best cached one is taken, and the better one named",
      gaming,
      ["qwen3.5-2b", "qwen3.5-4b"],
      "qwen3.5-4b",
      "qwen3.5-9b",
    ],
    ["the best is cached: nothing to name", gaming, ["qwen3.5-9b"], "qwen3.5-9b", null],
    [
      "a cached one that is too slow here is left alone",
      machine(2, 24),
      ["qwen3.5-9b"],
      "smollm2-135m-instruct",
      null,
    ],
    [
      "a cached one that is no default is left alone",
      gaming,
      ["qwen3-8b"],
      "smollm2-135m-instruct",
      "qwen3.5-9b",
    ],
  ];
  test.each(rows)("%s", (_name, hardware, cached, now, better) => {
    const choice = chooseModel({ catalogue: CATALOGUE, hardware, cachedIds: new Set(cached) });
    expect(choice.now.id).toBe(now);
    expect(choice.better?.id ?? null).toBe(better);
  });
});

describe("the catalogue", () => {
  test("names only sources that can be parsed, ids once, ranks once", () => {
    for (const entry of CATALOGUE)
      for (const source of entry.sources) expect(parseReference(source).kind).not.toBe("path");
    expect(new Set(CATALOGUE.map((entry) => entry.id)).size).toBe(CATALOGUE.length);
    const ranks = CATALOGUE.flatMap((entry) => (entry.rank === null ? [] : [entry.rank]));
    expect(new Set(ranks).size).toBe(ranks.length);
  });

  test("has one starter, that a hub and a package offer", () => {
    expect(CATALOGUE.filter((entry) => entry.starter)).toHaveLength(1);
    expect(starterEntry().sources.map((source) => parseReference(source).kind)).toEqual(["hub", "pypi"]);
  });
});
