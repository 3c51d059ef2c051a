import { expect, it } from "vitest";
import { betaDraw } from "./beta-draw.ts";
import { betaQuantile, incompleteBeta } from "./incomplete-beta.ts";
import { seededRandom } from "./seeded-random.ts";

it.each([
  [0.3, 0.7],
  [1, 1],
  [2, 5],
  [80, 20],
])("draws of Beta(%d, %d) follow its distribution function", (a, b) => {
  const random = seededRandom(7);
  const draws = Array.from({ length: 5_000 }, () => betaDraw({ a, b, random })).sort((x, y) => x - y);
  // Kolmogorov and Smirnov: 1.95/√n is passed by chance once in a thousand.
  const furthest = Math.max(...draws.map((x, at) => Math.abs(incompleteBeta(x, a, b) - (at + 0.5) / 5_000)));
  expect(furthest).toBeLessThan(1.95 / Math.sqrt(5_000));
});

it("quantiles are the distribution function's inverse", () => {
  for (const share of [0.001, 0.05, 0.5, 0.95, 0.999])
    for (const [a, b] of [
      [0.5, 0.5],
      [12, 8],
      [3, 4_000],
    ] as const)
      expect(incompleteBeta(betaQuantile(share, a, b), a, b)).toBeCloseTo(share, 9);
});
