import { describe, expect, it } from "vitest";
import { createRestarts, restartDelayMs } from "./restarts.ts";

describe("restartDelayMs", () => {
  it("doubles from half a second up to half a minute, with jitter", () => {
    expect([0, 1, 2].map((attempt) => restartDelayMs(attempt, 1))).toEqual([500, 1000, 2000]);
    expect(restartDelayMs(0, 0)).toBe(250);
    expect(restartDelayMs(50, 1)).toBe(30_000);
  });
});

describe("a process that ends", () => {
  const start = () => {
    let now = 0;
    const restarts = createRestarts({ random: () => 1, now: () => now });
    return { restarts, pass: (ms: number) => (now += ms) };
  };

  it("waits longer from end to end, and as at first after a minute's life", () => {
    const { restarts, pass } = start();
    expect(restarts.wasReady()).toBe(false);
    restarts.ready();
    expect(restarts.wasReady()).toBe(true);
    expect([restarts.delayAfterEnd(false), restarts.delayAfterEnd(false)]).toEqual([500, 1000]);
    restarts.ready();
    pass(59_000);
    expect(restarts.delayAfterEnd(false)).toBe(2000);
    pass(2_000);
    expect(restarts.delayAfterEnd(false)).toBe(500);
  });

  it("is not started again after three crashes, each within ten minutes of its start", () => {
    const { restarts, pass } = start();
    const crashAfter = (ms: number): number | null => {
      restarts.ready();
      pass(ms);
      return restarts.delayAfterEnd(true);
    };
    expect([crashAfter(0), crashAfter(601_000), crashAfter(600_000)]).not.toContain(null);
    expect(restarts.delayAfterEnd(false)).not.toBeNull();
    expect(crashAfter(1)).toBeNull();
    expect(restarts.retirement("SIGSEGV")).toMatch(/ended 3 times in a row \(SIGSEGV\)/);
  });
});
