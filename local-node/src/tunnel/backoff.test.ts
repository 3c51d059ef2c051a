import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BACKOFF, backoffMs } from "./backoff.ts";

const ALMOST_ONE = 1 - Number.EPSILON;

describe("the wait before the next attempt", () => {
  it.each([
    [1, 250],
    [2, 500],
    [3, 1_000],
    [7, 16_000],
    [8, 30_000],
    [1_000_000, 30_000],
  ])("after %i failures is below a ceiling of %i ms", (failures, ceiling) => {
    expect(backoffMs(failures, () => ALMOST_ONE)).toBe(ceiling - 1);
    expect(backoffMs(failures, () => 0)).toBe(0);
    expect(backoffMs(failures, () => 0.5)).toBe(ceiling / 2);
  });

  it("is spread over the whole range and never beyond it", () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: ALMOST_ONE, noNaN: true }), (failures, random) => {
        const wait = backoffMs(failures, () => random);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThan(BACKOFF.lastMs);
      }),
    );
  });
});
