import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  describePause,
  loadOwnersPause,
  type PauseSources,
  parseLength,
  pauseOf,
  saveOwnersPause,
} from "./pause.ts";

const NOW = 1_000_000;
const NOTHING: PauseSources = { owner: null, quietUntil: null, gpuTakenBy: null, overridden: false };

describe("whether the node is paused", () => {
  test.each<[string, Partial<PauseSources>, ReturnType<typeof pauseOf>]>([
    ["nothing speaks for it", {}, null],
    ["the owner said so", { owner: { until: null } }, { reason: "owner", by: null, until: null }],
    ["for a time", { owner: { until: NOW + 1 } }, { reason: "owner", by: null, until: NOW + 1 }],
    ["that is over", { owner: { until: NOW } }, null],
    ["it is quiet", { quietUntil: NOW + 5 }, { reason: "quiet_hours", by: null, until: NOW + 5 }],
    [
      "it is always quiet",
      { quietUntil: Number.POSITIVE_INFINITY },
      { reason: "quiet_hours", by: null, until: null },
    ],
    ["the GPU is taken", { gpuTakenBy: "blender" }, { reason: "gpu_taken", by: "blender", until: null }],
    [
      "the owner's word comes first",
      { owner: { until: null }, quietUntil: NOW + 5, gpuTakenBy: "x" },
      { reason: "owner", by: null, until: null },
    ],
    [
      "the owner wants it to go on all the same",
      { quietUntil: NOW + 5, gpuTakenBy: "x", overridden: true },
      null,
    ],
    [
      "and then not",
      { owner: { until: null }, overridden: true },
      { reason: "owner", by: null, until: null },
    ],
  ])("%s", (_name, sources, expected) => {
    expect(pauseOf({ ...NOTHING, ...sources }, NOW)).toEqual(expected);
  });

  test("in words", () => {
    expect(describePause({ reason: "owner", by: null, until: null })).toBe("paused by its owner");
    expect(describePause({ reason: "quiet_hours", by: null, until: NOW })).toMatch(
      /^paused for quiet hours until .*\d/,
    );
    expect(describePause({ reason: "gpu_taken", by: "blender", until: null })).toBe(
      "paused while blender uses the GPU",
    );
  });
});

test.each([
  ["2h", 7_200_000],
  ["45m", 2_700_000],
  ["1h30m", 5_400_000],
  ["90s", 90_000],
  ["1d", 86_400_000],
  ["", null],
  ["0m", null],
  ["2", null],
  ["2 hours", null],
  ["-1h", null],
])("the length %j", (text, ms) => {
  expect(parseLength(text)).toBe(ms);
});

test("the owner's pause outlasts a restart; a damaged file is named", async () => {
  const folder = await mkdtemp(join(tmpdir(), "routelet-pause-"));
  const path = join(folder, "pause.json");
  expect(await loadOwnersPause(path)).toBeNull();
  await saveOwnersPause(path, { until: 5 });
  expect(await loadOwnersPause(path)).toEqual({ until: 5 });
  await saveOwnersPause(path, null);
  await saveOwnersPause(path, null);
  expect(await loadOwnersPause(path)).toBeNull();
  await writeFile(path, "{");
  await expect(loadOwnersPause(path)).rejects.toThrow(/pause\.json cannot be read/);
  await rm(folder, { recursive: true });
});
