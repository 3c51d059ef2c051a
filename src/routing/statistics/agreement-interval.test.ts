import { describe, expect, it } from "vitest";
import { agreementInterval } from "./agreement-interval.ts";

describe("the 90 % interval of a share", () => {
  // Newcombe, Statistics in Medicine 17 (1998), gives Wilson's interval as ((2np + z² ± z√(z² + 4npq)) / (2(n + z²))).
  it.each([
    [0, 10],
    [5, 10],
    [81, 263],
    [10, 10],
  ])("%i of %i", (agreed, of) => {
    const z = 1.6448536269514722;
    const p = agreed / of;
    const root = z * Math.sqrt(z ** 2 + 4 * of * p * (1 - p));
    const found = agreementInterval({ agreed, of });
    expect(found?.low).toBeCloseTo((2 * of * p + z ** 2 - root) / (2 * (of + z ** 2)), 10);
    expect(found?.high).toBeCloseTo((2 * of * p + z ** 2 + root) / (2 * (of + z ** 2)), 10);
  });

  it("is none of nothing", () => {
    expect(agreementInterval({ agreed: 0, of: 0 })).toBeNull();
  });
});
