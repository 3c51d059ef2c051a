import { describe, expect, it } from "vitest";
import { createRecentDurations } from "./recent-durations.ts";

describe("createRecentDurations", () => {
  it("estimates the wait from what calls took, and the slots that share it", () => {
    const durations = createRecentDurations();
    for (const duration of [4000, 6000]) durations.add(duration);
    expect(durations.waitSeconds({ ahead: 1, slots: 1 })).toBe(5);
    expect(durations.waitSeconds({ ahead: 4, slots: 2 })).toBe(10);
  });

  it("never says less than a second or more than a minute, also without a measurement", () => {
    const durations = createRecentDurations();
    expect(durations.waitSeconds({ ahead: 1, slots: 0 })).toBe(1);
    durations.add(1);
    expect(durations.waitSeconds({ ahead: 1, slots: 4 })).toBe(1);
    durations.add(10_000_000);
    expect(durations.waitSeconds({ ahead: 9, slots: 1 })).toBe(60);
  });

  it("forgets old calls", () => {
    const durations = createRecentDurations();
    durations.add(60_000);
    for (let count = 0; count < 32; count++) durations.add(2000);
    expect(durations.waitSeconds({ ahead: 1, slots: 1 })).toBe(2);
  });
});
