import { expect, it } from "vitest";
import { windowOf } from "../guarantee/testing/windows.ts";
import { shadowShare } from "./exploration.ts";

const share = (drawn: number) => shadowShare({ drawn, eagerness: 10, window: null });

it.each([
  [0, 1],
  [100, 1],
  [400, 0.5],
  [10_000, 0.1],
  [1_000_000, 0.01],
  [1e12, 0.01],
])("after %d draws a share of %d is shadowed", (drawn, expected) => {
  expect(share(drawn)).toBeCloseTo(expected, 12);
});

it("stands still within a certification window, however many were drawn", () => {
  const { window } = windowOf({ share: 0.3 });
  for (const drawn of [0, 100, 1_000_000]) expect(shadowShare({ drawn, eagerness: 10, window })).toBe(0.3);
});
