import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { APART, averageLinkage } from "./average-linkage.ts";

/** A symmetric matrix from the values above its diagonal. */
function matrix(count: number, value: (a: number, b: number) => number): Float32Array {
  const out = new Float32Array(count * count);
  for (let a = 0; a < count; a++)
    for (let b = 0; b < a; b++) {
      out[a * count + b] = value(a, b);
      out[b * count + a] = value(a, b);
    }
  return out;
}

/** The same by its definition: the two groups that are nearest, again and again. */
function naive(count: number, value: (a: number, b: number) => number, threshold: number): number[][] {
  let groups = Array.from({ length: count }, (_, at) => [at]);
  for (;;) {
    let best = { mean: threshold, one: -1, other: -1 };
    for (const [one, a] of groups.entries())
      for (const [other, b] of groups.entries()) {
        if (other >= one) continue;
        const values = a.flatMap((x) => b.map((y) => value(Math.max(x, y), Math.min(x, y))));
        const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
        if (mean > best.mean) best = { mean, one, other };
      }
    if (best.one < 0)
      return groups.map((group) => group.sort((a, b) => a - b)).sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
    const merged = [...(groups[best.one] ?? []), ...(groups[best.other] ?? [])];
    groups = [...groups.filter((_, at) => at !== best.one && at !== best.other), merged];
  }
}

const asSets = (numbers: readonly number[]): number[][] =>
  [...Map.groupBy(numbers.keys(), (at) => numbers[at]).values()].sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));

describe("averageLinkage", () => {
  it("finds what the definition finds", () => {
    const points = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(points, fc.double({ min: 0.05, max: 0.9, noNaN: true }), (at, threshold) => {
        const value = (a: number, b: number): number =>
          Math.fround(1 / (1 + Math.abs((at[a] ?? 0) - (at[b] ?? 0))) + a * 1e-4 + b * 1e-5);
        const sizes = at.map(() => 1);
        const found = averageLinkage({ sizes, similarity: matrix(at.length, value), threshold });
        expect(asSets(found)).toEqual(naive(at.length, value, threshold));
      }),
    );
  });

  it("never joins what must stay apart, through whatever stands between", () => {
    const similarity = matrix(3, (a, b) => (a === 2 && b === 0 ? APART : 0.99));
    const [first, , last] = averageLinkage({ sizes: [1, 500, 1], similarity, threshold: 0.5 });
    expect(first).not.toBe(last);
  });

  it("weighs by size", () => {
    // 2 is near 0, which stands for nine, and far from 1, which stands for one.
    const value = (a: number, b: number) => (a === 1 ? 1 : b === 0 ? 0.6 : 0);
    const grouped = (sizes: number[]) =>
      new Set(averageLinkage({ sizes, similarity: matrix(3, value), threshold: 0.5 })).size;
    expect(grouped([9, 1, 1])).toBe(1);
    expect(grouped([1, 9, 1])).toBe(2);
  });

  it.each([0, 1])("%i things", (count) => {
    expect(
      averageLinkage({ sizes: Array(count).fill(1), similarity: matrix(count, () => 0), threshold: 0.5 }),
    ).toHaveLength(count);
  });
});
