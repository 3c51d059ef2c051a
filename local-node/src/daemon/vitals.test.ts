import { expect, test, vi } from "vitest";
import type { Engine, Placement } from "../engines/engine.ts";
import type { GpuWatch } from "../hardware/gpu-watch.ts";
import type { CallRecord } from "../serve/call-record.ts";
import { watchVitals } from "./vitals.ts";

const CALL: CallRecord = {
  model: "m",
  priority: "interactive",
  outcome: "ok",
  queueMs: 0,
  firstTokenMs: null,
  durationMs: 1,
  promptTokens: null,
  reusedTokens: null,
  completionTokens: null,
  tokensPerSecond: null,
  energyJoules: null,
};

function engineOn(placement: Placement): Engine {
  return {
    kind: "embedded",
    models: () => [],
    slots: () => 1,
    placement: () => placement,
    handle: () => Promise.reject(new Error("asked")),
    onChange: () => {},
    close: async () => {},
  };
}

function setUp(placement: Placement, gpuNames: string[] = []) {
  const wanted: boolean[] = [];
  const gpuWatch: GpuWatch = {
    want: (on) => wanted.push(on),
    latest: () => null,
    measure: () => ({ end: () => 5 }),
    close: () => {},
  };
  let tokens = 0;
  const engine = engineOn(placement);
  const vitals = watchVitals({
    engines: () => [engine],
    gpus: () => gpuNames.map((name) => ({ name, memoryBytes: 1, backend: "vulkan" })),
    writtenTokens: () => tokens,
    gpuWatch,
  });
  return {
    vitals,
    engine,
    wanted,
    write: (count: number) => {
      tokens += count;
    },
  };
}

test.each<[string, Placement, string[], boolean]>([
  ["cuda", { pids: [1], device: "cuda" }, [], true],
  ["vulkan on NVIDIA alone", { pids: [1], device: "vulkan" }, ["NVIDIA GeForce RTX 3090"], true],
  [
    "vulkan, which of the two is not known",
    { pids: [1], device: "vulkan" },
    ["NVIDIA T400", "AMD Radeon"],
    false,
  ],
  ["the CPU", { pids: [1], device: "cpu" }, ["NVIDIA T400"], false],
  ["somewhere else", { pids: [], device: null }, ["NVIDIA T400"], false],
])("the energy of calls on %s: known or not, never guessed", (_name, placement, gpus, known) => {
  const { vitals, engine, wanted } = setUp(placement, gpus);
  vitals.refresh();
  expect([wanted.at(-1), vitals.measure(engine)?.end() ?? null]).toEqual([known, known ? 5 : null]);
  vitals.close();
});

test("keeps the last calls, the latest first, and counts all", () => {
  const { vitals } = setUp({ pids: [], device: null });
  for (let count = 0; count < 30; count++)
    vitals.onCall({ ...CALL, durationMs: count, outcome: count % 3 === 0 ? "engine_failed" : "ok" });
  const { calls } = vitals.read();
  expect([calls.total, calls.failed, calls.recent.length]).toEqual([30, 10, 20]);
  expect(calls.recent.map((call) => call.durationMs)).toEqual(Array.from({ length: 20 }, (_, n) => 29 - n));
  vitals.close();
});

test("tells speed and memory once they are measured", async () => {
  const { vitals, write } = setUp({ pids: [process.pid], device: "cpu" });
  expect(vitals.read().tokensPerSecond).toBe(0);
  write(500);
  await vi.waitFor(() => expect(vitals.read().tokensPerSecond).toBeGreaterThan(0), { timeout: 20_000 });
  if (process.platform === "linux") expect(vitals.read().memory.modelBytes).toBeGreaterThan(1e6);
  vitals.close();
});
