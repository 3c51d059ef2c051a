import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bandsOf, nearlySame, signatureOf } from "./min-hash.ts";
import { ownShingles, shinglesOf, templateOf } from "./shingles.ts";

const sharesBand = (a: Uint32Array, b: Uint32Array): boolean => {
  const other = bandsOf(b);
  return bandsOf(a).some((hash, band) => hash === other[band]);
};
const found = (a: Uint32Array, b: Uint32Array): boolean => sharesBand(a, b) && nearlySame(a, b);

/** Two sets of numbers with just this overlap (Jaccard). */
function pair(seed: number, size: number, overlap: number): [number[], number[]] {
  const union = Array.from({ length: size }, (_, at) => Math.imul(seed + at + 1, 0x9e3779b1) >>> 0);
  const shared = Math.round(size * overlap);
  const rest = union.slice(shared);
  const half = Math.ceil(rest.length / 2);
  const common = union.slice(0, shared);
  return [
    [...common, ...rest.slice(0, half)],
    [...common, ...rest.slice(half)],
  ];
}

const set = fc.uniqueArray(fc.nat({ max: 0xffffffff }), { maxLength: 300 });

describe("signatures", () => {
  it("of the same set are the same, in whatever order it comes", () => {
    fc.assert(
      fc.property(set, (members) => {
        const again = signatureOf(members.toReversed());
        expect(signatureOf(members)).toEqual(again);
        expect(found(signatureOf(members), again)).toBe(true);
      }),
    );
  });

  it.each([
    [0.97, 0.99, 1],
    [0.7, 0, 0.05],
    [0.3, 0, 0],
  ])(
    "of sets that overlap by %f are found to be the same in a share from %f to %f",
    (overlap, least, most) => {
      let same = 0;
      for (let seed = 0; seed < 300; seed++) {
        const [a, b] = pair(seed * 1_000, 40 + seed, overlap).map(signatureOf);
        if (a !== undefined && b !== undefined && found(a, b)) same++;
      }
      expect(same / 300).toBeGreaterThanOrEqual(least);
      expect(same / 300).toBeLessThanOrEqual(most);
    },
  );

  it("tell nothing from nothing, and something from nothing", () => {
    expect(found(signatureOf([]), signatureOf([]))).toBe(true);
    expect(found(signatureOf([]), signatureOf([1, 2, 3]))).toBe(false);
  });
});

describe("what a text says", () => {
  const says = (text: string) => shinglesOf([text]);

  it.each([
    ["case and punctuation", "Sort this ticket, please!", "sort THIS ticket: please"],
    ["when it was", "at 2026-11-24T10:00:01Z the job failed", "at 2026-11-25T23:59:59.120Z the job failed"],
    [
      "an id that was drawn",
      "run 6f1e1c9e-3b1a-4c6e-9d3e-0a1b2c3d4e5f ended",
      "run 00000000-1111-4222-8333-444444444444 ended",
    ],
  ])("does not depend on %s", (_what, a, b) => {
    expect(says(a)).toEqual(says(b));
  });

  it.each([
    ["a number", "ticket 17", "ticket 18"],
    ["the order of words", "move a to b", "move b to a"],
    ["a word of a script without spaces", "天気は晴れです", "天気は雨です"],
  ])("depends on %s", (_what, a, b) => {
    expect(says(a)).not.toEqual(says(b));
  });

  it("is nothing for signs alone, and takes no text for another's end", () => {
    expect(says("?! …").size).toBe(0);
    expect(shinglesOf(["a b c", "d"])).not.toEqual(shinglesOf(["a b", "c d"]));
  });
});

describe("a template", () => {
  const long = Array.from({ length: 120 }, (_, at) => `rule${at}`).join(" ");
  const prompts = [
    "my parcel is late",
    "the invoice is wrong",
    "I want to send it back",
    "where is my order",
  ];
  const calls = prompts.map((prompt) => shinglesOf([long, prompt]));

  it("makes all calls of a task look the same, and no duplicates of them", () => {
    const [a, b] = calls.map((call) => signatureOf(call));
    expect(a && b && found(a, b)).toBe(true);
    const [c, d] = calls.map((call) => signatureOf(ownShingles(call, templateOf(calls))));
    expect(c && d && found(c, d)).toBe(false);
  });

  it("leaves what a call says for itself, word for word", () => {
    const [call = new Set<number>()] = calls;
    expect(new Set(ownShingles(call, templateOf(calls)))).toEqual(shinglesOf([prompts[0] ?? ""]));
  });

  it("is not known from a handful of calls", () => {
    expect(templateOf(calls.slice(0, 3)).size).toBe(0);
  });
});
