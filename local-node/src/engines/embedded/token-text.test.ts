import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTokenText } from "./token-text.ts";

/** A tokenizer whose tokens are single bytes, the worst case for characters. */
const detokenizeBytes = (tokens: readonly number[]): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(tokens));

describe("createTokenText", () => {
  it("holds a character back until all of its bytes are there", () => {
    const text = createTokenText(detokenizeBytes);
    const pieces = [...new TextEncoder().encode("é€😀")].map((byte) => text.push(byte));
    expect(pieces).toEqual(["", "é", "", "", "€", "", "", "", "😀"]);
  });

  it("gives the same text in pieces as at once, for any text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }).filter((text) => !text.endsWith("\uFFFD")),
        (source) => {
          const text = createTokenText(detokenizeBytes);
          const pieces = [...new TextEncoder().encode(source)].map((byte) => text.push(byte));
          expect(pieces.join("") + text.flush()).toBe(source);
        },
      ),
    );
  });

  it("leaves out a character that the end cut in two, and keeps what follows broken bytes", () => {
    const text = createTokenText(detokenizeBytes);
    expect(text.push(0xc3)).toBe("");
    expect(text.flush()).toBe("");
    const broken = createTokenText(detokenizeBytes);
    const pieces = [0xff, 0xff, 0xff, 0xff, 0x41].map((byte) => broken.push(byte));
    expect(pieces.join("")).toBe("\uFFFD\uFFFD\uFFFD\uFFFDA");
  });

  it("tells the tokenizer which tokens came before", () => {
    const seen: number[][] = [];
    const text = createTokenText((tokens, preceding) => {
      seen.push([...preceding]);
      return tokens.join("");
    });
    for (const token of [1, 2, 3]) text.push(token);
    expect(seen).toEqual([[], [1], [1, 2]]);
  });
});
