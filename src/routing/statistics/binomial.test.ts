import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { binomialAtMost, divergence, drawsWithoutLoss, rateAtLeast, rateAtMost } from "./binomial.ts";

/** The sum of its terms, by Pascal's rule in whole numbers: slow and beyond doubt. */
function slowAtMost(k: number, n: number, p: number): number {
  let sum = 0;
  let choose = 1;
  for (let i = 0; i <= k; i++) {
    sum += choose * p ** i * (1 - p) ** (n - i);
    choose = (choose * (n - i)) / (i + 1);
  }
  return sum;
}

describe("the binomial tail", () => {
  it("is the sum of its terms", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.nat(),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        (n, draw, p) => {
          const k = draw % n;
          expect(binomialAtMost({ k, n, p })).toBeCloseTo(slowAtMost(k, n, p), 11);
        },
      ),
    );
  });

  it.each([
    // Summed in exact fractions.
    [0, 45, 0.05, 0.09944025698709245],
    [2, 300, 0.02, 0.060183697890570084],
    [12, 1000, 0.02, 0.037604810397184885],
    [10, 20_000, 0.01, 1.655926328393559e-71],
    [2003, 20_000, 0.1, 0.5341142246212005],
  ])("of at most %d in %d at %d is %d", (k, n, p, expected) => {
    expect(binomialAtMost({ k, n, p }) / expected).toBeCloseTo(1, 9);
  });

  it("is nothing below none and all at all", () => {
    expect(binomialAtMost({ k: -1, n: 300, p: 0.5 })).toBe(0);
    expect(binomialAtMost({ k: 300, n: 300, p: 0.5 })).toBe(1);
  });
});

describe("the bound of a rate", () => {
  it.each([
    [0, 45, 1 - 0.1 ** (1 / 45)],
    [0, 114, 1 - 0.1 ** (1 / 114)],
    [0, 230, 1 - 0.1 ** (1 / 230)],
  ])("after %d in %d is %d at 90 %%", (k, n, bound) => {
    expect(rateAtMost({ k, n, confidence: 0.9 })).toBeCloseTo(bound, 12);
  });

  it("is where the tail reaches what is left of the confidence, on both sides", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), fc.nat(), (n, draw) => {
        const k = draw % n;
        const high = rateAtMost({ k, n, confidence: 0.9 });
        expect(binomialAtMost({ k, n, p: high })).toBeCloseTo(0.1, 8);
        const low = rateAtLeast({ k, n, confidence: 0.9 });
        if (k > 0) expect(1 - binomialAtMost({ k: k - 1, n, p: low })).toBeCloseTo(0.1, 8);
        expect(low).toBeLessThanOrEqual(k / n);
        expect(high).toBeGreaterThanOrEqual(k / n);
      }),
    );
  });

  it("of all in all, and of none, says nothing on that side", () => {
    expect(rateAtMost({ k: 5, n: 5, confidence: 0.9 })).toBe(1);
    expect(rateAtLeast({ k: 0, n: 5, confidence: 0.9 })).toBe(0);
  });
});

it.each([
  [0.05, 45],
  [0.02, 114],
  [0.01, 230],
])("without a loss, a bound of %d at δ 0.1 takes %d draws", (epsilon, n) => {
  expect(drawsWithoutLoss({ epsilon, delta: 0.1 })).toBe(n);
});

it("the divergence of a jump from 2 to 7 % is 0.039 nats", () => {
  expect(divergence(0.07, 0.02)).toBeCloseTo(0.039, 3);
  expect(divergence(0, 0.02)).toBeCloseTo(-Math.log(0.98), 12);
  expect(divergence(0.3, 0.3)).toBe(0);
});
