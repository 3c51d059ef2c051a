import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { NodeConfig } from "./config/schema.ts";
import type { GpuSight } from "./gpu-taken.ts";
import { loadOwnersPause, type Pause } from "./pause.ts";
import { createPauseControl, type PauseControl } from "./pause-control.ts";

const NOTHING: GpuSight = { processes: [], gpus: [], ownPids: [], nodeWasBusy: false };
const TAKEN: GpuSight = { ...NOTHING, processes: [{ pid: 7, name: "blender", memoryBytes: 4e9 }] };

let folder: string;
let path: string;
let controls: PauseControl[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "routelet-pauses-"));
  path = join(folder, "pause.json");
  controls = [];
});
afterEach(async () => {
  for (const control of controls) control.close();
  await rm(folder, { recursive: true, force: true });
});

async function setUp(
  config: Partial<NodeConfig["pause"]> = {},
  start = new Date(2026, 0, 5, 12, 0).getTime(),
) {
  const state = { now: start, sight: NOTHING, changes: [] as (Pause | null)[] };
  const settings = { quietHours: [], whenGpuTaken: false, ignore: [], graceSeconds: 0, ...config };
  const control = await createPauseControl({
    path,
    config: () => settings,
    look: async () => state.sight,
    onChange: (pause) => state.changes.push(pause),
    log: () => {},
    now: () => state.now,
    tickMs: 1e9,
  });
  controls.push(control);
  return { control, state, settings };
}

describe("when a node is paused", () => {
  test("by its owner for a time, over a restart, and then no longer", async () => {
    const { control, state } = await setUp();
    expect(control.current()).toBeNull();
    control.pause(7_200_000);
    expect(control.current()).toEqual({ reason: "owner", by: null, until: state.now + 7_200_000 });
    await vi.waitFor(async () => expect(await loadOwnersPause(path)).not.toBeNull(), { timeout: 20_000 });

    const again = await setUp();
    expect(again.control.current()?.reason).toBe("owner");
    expect(again.state.changes).toEqual([]);
    again.state.now += 7_200_001;
    await again.control.refresh();
    expect([again.control.current(), again.state.changes]).toEqual([null, [null]]);
    await vi.waitFor(async () => expect(await loadOwnersPause(path)).toBeNull(), { timeout: 20_000 });
  });

  test("in quiet hours; its owner may go on all the same, until they are over and come again", async () => {
    const { control, state } = await setUp({ quietHours: ["12:00-13:00"] });
    expect(control.current()?.reason).toBe("quiet_hours");
    control.resume();
    expect(control.current()).toBeNull();
    state.now += 30 * 60_000;
    await control.refresh();
    expect(control.current()).toBeNull();
    state.now += 30 * 60_000;
    await control.refresh();
    state.now += 23 * 3_600_000;
    await control.refresh();
    expect(control.current()?.reason).toBe("quiet_hours");
  });

  test("while another program takes the GPU, where the configuration wants that", async () => {
    const { control, state, settings } = await setUp();
    state.sight = TAKEN;
    for (let look = 0; look < 3; look++) await control.refresh();
    expect(control.current()).toBeNull();
    settings.whenGpuTaken = true;
    for (let look = 0; look < 2; look++) await control.refresh();
    expect(control.current()).toEqual({ reason: "gpu_taken", by: "blender", until: null });
    settings.whenGpuTaken = false;
    await control.refresh();
    expect(control.current()).toBeNull();
  });

  test("a pause of the owner's ends an earlier going on", async () => {
    const { control } = await setUp({ quietHours: ["00:00-24:00"] });
    control.resume();
    control.pause(null);
    expect(control.current()).toEqual({ reason: "owner", by: null, until: null });
    control.resume();
    expect(control.current()).toBeNull();
  });
});
