import { expect, it } from "vitest";
import { windowOf } from "../guarantee/testing/windows.ts";
import { seededRandom } from "../statistics/seeded-random.ts";
import { chooseCandidate } from "./thompson.ts";

function shares(candidates: Parameters<typeof chooseCandidate>[0]["candidates"], runs = 4_000) {
  const random = seededRandom(1);
  const counts: Record<string, number> = {};
  for (let run = 0; run < runs; run++) {
    const id = chooseCandidate({ candidates, window: null, random }) ?? "none";
    counts[id] = (counts[id] ?? 0) + 1 / runs;
  }
  return counts;
}

it("tries equal candidates equally often", () => {
  const { a = 0, b = 0 } = shares([
    { id: "a", good: 3, bad: 2 },
    { id: "b", good: 3, bad: 2 },
  ]);
  expect(Math.abs(a - b)).toBeLessThan(0.06);
});

it("tries each as often as it may be the best: P(Beta(1,1) > Beta(2,1)) is a third", () => {
  const { a = 0 } = shares([
    { id: "a", good: 1, bad: 1 },
    { id: "b", good: 2, bad: 1 },
  ]);
  expect(a).toBeCloseTo(1 / 3, 1);
});

it("leaves a candidate that is surely worse, and keeps trying one that is little known", () => {
  const { worse = 0, unknown = 0 } = shares([
    { id: "better", good: 900, bad: 100 },
    { id: "worse", good: 500, bad: 500 },
    { id: "unknown", good: 1, bad: 1 },
  ]);
  expect(worse).toBe(0);
  expect(unknown).toBeGreaterThan(0.05);
});

it("within a certification window chooses nothing: the window's candidate stays", () => {
  const { window } = windowOf();
  const candidates = [{ id: "another", good: 1_000, bad: 1 }];
  expect(chooseCandidate({ candidates, window, random: () => 0.5 })).toBe("slm");
});

it("chooses none of none", () => {
  expect(chooseCandidate({ candidates: [], window: null, random: () => 0.5 })).toBeNull();
});
