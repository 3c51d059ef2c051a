import { describe, expect, it } from "vitest";
import { seededRandom } from "../routing/statistics/seeded-random.ts";
import { worseShare } from "./worse-share.ts";

const never = (n: number): boolean[] => Array.from({ length: n }, () => false);

describe("how much worse a small model may be", () => {
  it("is bounded by nothing where nothing was counted, or all was worse", () => {
    expect(worseShare({ worse: [], delta: 0.1 }).bound).toBe(1);
    expect(worseShare({ worse: [true, true, true], delta: 0.1 }).bound).toBe(1);
  });

  it("takes the stated number of calls for 1 % where it never was", () => {
    expect(worseShare({ worse: never(269), delta: 0.1 }).bound).toBeGreaterThan(0.01);
    expect(worseShare({ worse: never(270), delta: 0.1 }).bound).toBeLessThanOrEqual(0.01);
  });

  it("never falls below the truth in more than δ of the tasks, though it is looked at after every call", () => {
    const random = seededRandom(11);
    const [runs, calls, truth] = [300, 600, 0.05];
    let passed = 0;
    for (let run = 0; run < runs; run++) {
      const worse = Array.from({ length: calls }, () => random() < truth);
      // What was refuted once stays so: the bound at the last look is the least of all looks.
      if (worseShare({ worse, delta: 0.1 }).bound < truth) passed++;
    }
    // δ and three standard errors of the simulation.
    expect(passed / runs).toBeLessThan(0.15);
  });

  it("is no larger after more calls", () => {
    const worse = [...never(200), true, true, ...never(50)];
    const bounds = worse.map((_, at) => worseShare({ worse: worse.slice(0, at + 1), delta: 0.1 }).bound);
    expect(bounds.every((bound, at) => at === 0 || bound <= (bounds[at - 1] ?? 1) + 1e-6)).toBe(true);
    expect(bounds.at(-1)).toBeLessThan(0.05);
  });
});
