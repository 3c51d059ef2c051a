import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fitIsotonic, isotonicAt } from "./isotonic.ts";

const point = fc.record({ x: fc.integer({ min: 0, max: 20 }), y: fc.constantFrom(0, 1) });
const points = fc.array(point, { minLength: 1, maxLength: 60 });

describe("isotonic regression", () => {
  it.each([
    ["what rises already", [0, 1, 2], [0, 0.5, 1], [0, 0.5, 1]],
    ["a fall", [0, 1], [1, 0], [0.5]],
    ["a fall within a rise", [0, 1, 2, 3], [0, 1, 0, 1], [0, 0.5, 1]],
    ["a fall that reaches back", [0, 1, 2, 3], [0.5, 0.6, 0.7, 0], [0.45]],
    ["equal scores", [1, 1, 1, 2], [0, 1, 1, 1], [2 / 3, 1]],
  ])("of %s", (_name, xs, ys, levels) => {
    const fitted = fitIsotonic(xs.map((x, at) => ({ x, y: ys[at] ?? 0 })));
    expect(fitted.levels.map((level) => level.toFixed(9))).toEqual(levels.map((level) => level.toFixed(9)));
  });

  it("never falls, and stays within what it was fitted on", () => {
    fc.assert(
      fc.property(points, (list) => {
        const fitted = fitIsotonic(list);
        let before = Number.NEGATIVE_INFINITY;
        for (let x = -1; x <= 21; x += 0.25) {
          const level = isotonicAt(fitted, x);
          expect(level).toBeGreaterThanOrEqual(before);
          expect(level).toBeGreaterThanOrEqual(0);
          expect(level).toBeLessThanOrEqual(1);
          before = level;
        }
      }),
    );
  });

  it("keeps the mean, and is nearer in squares than any other that never falls", () => {
    fc.assert(
      fc.property(
        points,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 21, maxLength: 21 }),
        (list, other) => {
          const rising = [...other].sort((a, b) => a - b);
          const { levels } = fitIsotonic(list);
          // The fitted level of each place, before lines are drawn between middles: by its block, from the left.
          const sorted = [...list].sort((a, b) => a.x - b.x);
          const error = (of: (x: number) => number) =>
            sorted.reduce((sum, { x, y }) => sum + (of(x) - y) ** 2, 0);
          const steps = slowIsotonic(sorted);
          expect([...new Set([...steps.values()].map((v) => v.toFixed(9)))]).toEqual(
            levels.map((v) => v.toFixed(9)),
          );
          expect(error((x) => steps.get(x) ?? 0)).toBeLessThanOrEqual(error((x) => rising[x] ?? 0) + 1e-9);
        },
      ),
    );
  });

  it("of nothing is nothing", () => {
    expect(isotonicAt(fitIsotonic([]), 1)).toBeNaN();
  });
});

/** By its min-max formula: the largest over starts of the smallest over ends of the mean between. */
function slowIsotonic(sorted: readonly { x: number; y: number }[]): Map<number, number> {
  const places = [...new Set(sorted.map(({ x }) => x))];
  const mean = (from: number, to: number) => {
    const between = sorted.filter(({ x }) => x >= from && x <= to);
    return between.reduce((sum, { y }) => sum + y, 0) / between.length;
  };
  return new Map(
    places.map((x) => {
      const starts = places.filter((each) => each <= x);
      const ends = places.filter((each) => each >= x);
      return [x, Math.max(...starts.map((from) => Math.min(...ends.map((to) => mean(from, to)))))];
    }),
  );
}
