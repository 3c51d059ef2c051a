import { describe, expect, it } from "vitest";
import { createSliceSize } from "./slice-size.ts";

describe("createSliceSize", () => {
  it("shrinks slices on a slow machine, down to where they would cost speed", () => {
    const slices = createSliceSize();
    expect(slices.tokens()).toBe(64);
    slices.observe(64, 500);
    expect(slices.tokens()).toBe(51);
    slices.observe(51, 60_000);
    expect(slices.tokens()).toBe(32);
  });

  it("grows them step by step on a fast one, up to the engine's batch", () => {
    const slices = createSliceSize();
    const sizes = Array.from({ length: 5 }, () => {
      slices.observe(slices.tokens(), 0);
      return slices.tokens();
    });
    expect(sizes).toEqual([128, 256, 512, 512, 512]);
  });
});
