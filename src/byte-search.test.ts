import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byteSearch } from "./byte-search.ts";

const encode = (text: string) => new TextEncoder().encode(text);

describe("byteSearch", () => {
  it("finds the first place from an index on, as a text's own search does", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 40 });
    const few = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 4 });
    fc.assert(
      fc.property(letters, few, fc.nat(40), (text, wanted, from) => {
        fc.pre(from <= text.length);
        expect(byteSearch(encode(wanted))(encode(text), from)).toBe(text.indexOf(wanted, from));
      }),
    );
  });

  it("finds any bytes", () => {
    expect(byteSearch(new Uint8Array([255, 0]))(new Uint8Array([0, 255, 255, 0]))).toBe(2);
  });
});
