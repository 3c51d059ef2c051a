import { describe, expect, it } from "vitest";
import { LEAST_PAIRS, type TokenPair, tokenRatio } from "./token-ratio.ts";

const pair = (slm: [number, number], reference: [number, number], cached = 0): TokenPair => ({
  slm: { input: slm[0], output: slm[1] },
  reference: { input: reference[0], cached, output: reference[1] },
});

describe("what the reference would have counted", () => {
  it("is not said before there are enough pairs", () => {
    const pairs = Array.from({ length: LEAST_PAIRS - 1 }, () => pair([10, 5], [12, 10]));
    expect(tokenRatio(pairs)).toBeNull();
  });

  it("is certain where every pair says the same", () => {
    const pairs = Array.from({ length: 40 }, () => pair([10, 5], [12, 10], 6));
    expect(tokenRatio(pairs)).toEqual({
      pairs: 40,
      input: { value: 1.2, low: 1.2, high: 1.2 },
      output: { value: 2, low: 2, high: 2 },
      cachedShare: 0.5,
    });
  });

  it("has an interval that holds the truth in about nine of ten samples", () => {
    let seed = 7;
    const random = (): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const runs = 400;
    let held = 0;
    for (let run = 0; run < runs; run++) {
      const pairs = Array.from({ length: 100 }, () => {
        const output = 20 + 80 * random();
        return pair([10, output], [10, output * (1 + random())]);
      });
      const found = tokenRatio(pairs)?.output;
      if (found !== undefined && found.low <= 1.5 && found.high >= 1.5) held++;
    }
    // The exact 99.9 % interval of 400 draws at 0.9.
    expect(held / runs).toBeGreaterThan(0.845);
    expect(held / runs).toBeLessThan(0.945);
  });

  it("survives pairs without a token", () => {
    const pairs = Array.from({ length: 30 }, () => pair([0, 0], [0, 0]));
    expect(tokenRatio(pairs)).toMatchObject({ input: { value: 0 }, output: { value: 0 }, cachedShare: 0 });
  });
});
