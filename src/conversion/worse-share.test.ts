import { describe, expect, it } from "vitest";
import { seededRandom } from "../routing/statistics/seeded-random.ts";
import { worseShare } from "./worse-share.ts";

describe("how much worse a small model may be", () => {
  it("is bounded by nothing where nothing was counted", () => {
    expect(worseShare({ worse: 0, n: 0, delta: 0.1 }).bound).toBe(1);
    expect(worseShare({ worse: 3, n: 3, delta: 0.1 }).bound).toBe(1);
  });

  it("is the rule of 2.3 where it never was", () => {
    // 1 − δ^(1/n), in closed form.
    for (const n of [50, 200, 230, 1_000])
      expect(worseShare({ worse: 0, n, delta: 0.1 }).bound).toBeCloseTo(1 - 0.1 ** (1 / n), 10);
    expect(worseShare({ worse: 0, n: 229, delta: 0.1 }).bound).toBeGreaterThan(0.01);
    expect(worseShare({ worse: 0, n: 230, delta: 0.1 }).bound).toBeLessThan(0.01);
  });

  it("is the table's value: 3 of 300 at 90 %, one-sided", () => {
    // The binomial tail at the bound is δ, summed by hand.
    const { bound } = worseShare({ worse: 3, n: 300, delta: 0.1 });
    let term = (1 - bound) ** 300;
    let tail = term;
    for (let k = 1; k <= 3; k++) {
      term *= ((300 - k + 1) / k) * (bound / (1 - bound));
      tail += term;
    }
    expect(tail).toBeCloseTo(0.1, 9);
  });

  it("holds the truth in at least nine of ten samples", () => {
    const random = seededRandom(11);
    const runs = 500;
    let held = 0;
    for (let run = 0; run < runs; run++) {
      const n = 200;
      let worse = 0;
      for (let call = 0; call < n; call++) worse += random() < 0.02 ? 1 : 0;
      if (worseShare({ worse, n, delta: 0.1 }).bound >= 0.02) held++;
    }
    expect(held / runs).toBeGreaterThan(0.87);
  });
});
