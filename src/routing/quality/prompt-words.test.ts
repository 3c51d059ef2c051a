import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GRAMS, promptWords } from "./prompt-words.ts";

const grams = (text: string) => [...promptWords(text).grams].sort((a, b) => a - b);

describe("the words of a prompt", () => {
  it("are the same in capitals", () => {
    expect(grams("Find the LARGEST prime")).toEqual(grams("find the largest prime"));
  });

  it("count once, and so do pairs", () => {
    expect(grams("go go go go")).toEqual(grams("go go"));
    expect(grams("go go").length).toBe(2);
  });

  it("know their order by pairs", () => {
    expect(grams("dog bites man")).not.toEqual(grams("man bites dog"));
    expect(grams("dog bites man").length).toBe(5);
  });

  it("are signs where a script sets no spaces", () => {
    expect(promptWords("日本語").shape.words).toBe(3);
    expect(promptWords("naïve café").shape.words).toBe(2);
  });

  it("keep numbers and marks apart", () => {
    expect(promptWords("x2=10").shape).toMatchObject({ words: 4, digits: 3, marks: 1, letters: 1 });
  });

  it("weigh more the longer they are; a pair as its lighter word", () => {
    const weigh = (text: string) => promptWords(text).weights.map(Math.abs);
    expect(weigh("photosynthesis")).toEqual([1]);
    expect(weigh("the")).toEqual([3 / 8]);
    expect(weigh("the photosynthesis")).toEqual([3 / 8, 1, 3 / 8]);
    expect(weigh("?")).toEqual([0.3]);
    expect(weigh("2026")).toEqual([0.3]);
  });

  it("are bounded however long the text, and read at both ends", () => {
    const long = `start ${"x ".repeat(1_000_000)}end`;
    expect(promptWords(long).shape.length).toBeLessThan(4_200);
    const words = new Set(grams(long));
    for (const gram of [...grams("start"), ...grams("end")]) expect(words.has(gram)).toBe(true);
  });

  it("of any text are distinct places with signs, and the same again", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { maxLength: 300 }), (codes) => {
        const text = String.fromCharCode(...codes);
        const first = promptWords(text);
        expect(new Set(first.grams).size).toBe(first.grams.length);
        expect(first.weights.length).toBe(first.grams.length);
        expect(first.weights.every((weight) => Math.abs(weight) > 0 && Math.abs(weight) <= 1)).toBe(true);
        expect(first.grams.every((gram) => gram >= 0 && gram < GRAMS)).toBe(true);
        expect(promptWords(text)).toEqual(first);
      }),
    );
  });
});
