import { describe, expect, it } from "vitest";
import { restartDelayMs } from "./child-host.ts";

describe("restartDelayMs", () => {
  it("doubles from half a second up to half a minute, with jitter", () => {
    expect([0, 1, 2].map((attempt) => restartDelayMs(attempt, 1))).toEqual([500, 1000, 2000]);
    expect(restartDelayMs(0, 0)).toBe(250);
    expect(restartDelayMs(50, 1)).toBe(30_000);
  });
});
