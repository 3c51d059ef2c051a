import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { samplingShape, toSampling, toSeed } from "./sampling.ts";

const read = (body: object) => toSampling(z.object(samplingShape).parse(body), null);

describe("toSampling", () => {
  it("cuts the tail off where the caller names no truncation, and leaves that to callers who name any", () => {
    expect(read({})).toMatchObject({ temperature: 1, topP: 1, topK: 0, minP: 0.05, n: 1, logitBias: [] });
    for (const named of [{ top_p: 1 }, { top_k: 5 }, { min_p: 0 }]) expect(read(named).minP).toBe(0);
  });

  it("reads a bias of -100 as 'never'", () => {
    expect(read({ logit_bias: { "5": -100, "6": 3.5, "7": 100 } }).logitBias).toEqual([
      [5, null],
      [6, 3.5],
      [7, 100],
    ]);
  });
});

describe("toSeed", () => {
  it("gives 32 bits for every integer, and never the value that means 'draw one'", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const seed = toSeed(value);
        expect(Number.isInteger(seed) && seed >= 0 && seed < 0xffff_ffff).toBe(true);
      }),
    );
    expect(toSeed(42)).toBe(42);
    expect(toSeed(-1)).toBe(0xffff_fffe);
  });
});
