import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { skeletonOf, wordsOfUnit } from "./skeleton.ts";

const same = (one: string, other: string): void => {
  expect([...skeletonOf(one)]).toEqual([...skeletonOf(other)]);
};
const differ = (one: string, other: string): void => {
  expect([...skeletonOf(one)]).not.toEqual([...skeletonOf(other)]);
};

describe("what changes from call to call is masked", () => {
  it.each([
    ["numbers", "Summarise in 30 words.", "Summarise in 1,250 words."],
    ["dates in digits", "Today is 2026-11-24.", "Today is 01/02/2025."],
    ["dates in words", "Today is Tuesday, 24 November 2026.", "Today is Friday, 3 April 2025."],
    ["times", "It is 10:30 now.", "It is 23:59:01 now."],
    ["ids", "Handle ticket 7f3a9c21.", "Handle ticket 0b1c2d3e."],
    ["ids that begin with a letter", "Handle ticket a1b2c3.", "Handle ticket z9y8."],
    ["UUIDs", "Run 123e4567-e89b-12d3-a456-426614174000.", "Run 00000000-0000-4000-8000-000000000000."],
    ["quoted strings", 'Translate "good morning" now', 'Translate "a much longer sentence, with commas" now'],
    ["curly quotes", "Translate “good morning” now", "Translate “good night” now"],
    ["single quotes", "Translate 'good morning' now", "Translate 'good night' now"],
    ["code in a line", "Explain `x = 1` please", "Explain `def f(): pass` please"],
    [
      "code in a fence",
      "Review:\n```py\na = 1\n```\nBe brief.",
      "Review:\n```js\nlet b;\nlet c;\n```\nBe brief.",
    ],
    ["links", "Read https://example.com/a?b=1 first", "Read http://other.example/x first"],
    ["mail addresses", "Write to ann@example.com today", "Write to bob@mail.example today"],
    ["lists of values", "Use 1, 2, 3, 4 here", "Use 7 here"],
    ["values of JSON", '{"city": "Rome", "size": 3}', '{"city": "Oslo", "size": 44}'],
  ])("%s", (_name, one, other) => same(one, other));
});

describe("how it is written does not count", () => {
  it.each([
    ["case", "You Are A Clerk.", "you are a clerk."],
    ["bullets", "- Be brief", "* Be brief"],
    ["numbering", "1. Be brief\n2. Be kind", "a) Be brief\nb) Be kind".replace(/[ab]\) /g, "• ")],
    ["markup", "## Rules\n**Be brief**", "Rules\nBe brief"],
    ["blank lines", "Be brief.\n\n\nBe kind.", "Be brief. Be kind."],
    ["line ends", "Be brief\r\nBe kind", "Be brief\nBe kind"],
    ["an apostrophe within a word", "Don't ask", "Dont ask"],
    ["what is said twice", "Be brief. Be kind. Be brief.", "Be brief. Be kind."],
  ])("%s", (_name, one, other) => same(one, other));
});

describe("what a framework wrote counts", () => {
  it.each([
    ["words", "Summarise the text.", "Translate the text."],
    ["their order", "Reply to the user", "The user to reply"],
    ["names of fields", '{"city": "Rome"}', '{"country": "Rome"}'],
    ["words of other scripts", "总结文本", "翻译文本"],
    ["Cyrillic and Greek, without case", "Переведи", "Сократи"],
    ["words beside a number", "Give 3 reasons", "Give 3 examples"],
  ])("%s", (_name, one, other) => differ(one, other));

  it("sentences and lines are units, also in Chinese", () => {
    expect(skeletonOf("You are a clerk. Be brief!\nReply in JSON: now")).toHaveLength(4);
    expect(skeletonOf("你是助手。请简短回答！")).toHaveLength(2);
  });

  it("a unit knows how many words it has", () => {
    expect([...skeletonOf("Be brief.\nRules\nOne two three four five six")].map(wordsOfUnit)).toEqual([
      2, 1, 6,
    ]);
    expect([...skeletonOf("word ".repeat(40))].map(wordsOfUnit)).toEqual([15]);
  });
});

describe("long and hostile prompts", () => {
  it("reads the two ends of a megabyte, whatever stands between", () => {
    const between = (char: string) => `You are a clerk.\n${`${char} `.repeat(600_000)}\nAnswer in JSON.`;
    const units = skeletonOf(between("x"));
    expect([...units]).toEqual(expect.arrayContaining([...skeletonOf("You are a clerk.\nAnswer in JSON.")]));
    expect(units.length).toBeLessThanOrEqual(128);
  });

  it("keeps at most 128 units: the first 96 and the last 32", () => {
    const word = (at: number) =>
      String.fromCharCode(97 + (at % 26)) + String.fromCharCode(97 + Math.floor(at / 26));
    const lines = Array.from({ length: 300 }, (_, at) => `line ${word(at)}`);
    const units = [...skeletonOf(lines.join("\n"))];
    expect(units).toHaveLength(128);
    expect(units.slice(0, 96)).toEqual([...skeletonOf(lines.slice(0, 96).join("\n"))]);
    expect(units.slice(96)).toEqual([...skeletonOf(lines.slice(-32).join("\n"))]);
  });

  it.each([
    ["nothing", ""],
    ["numbers alone", "1 2 3"],
    ["signs alone", "*** --- !!!"],
    ["quotes without an end", '"'.repeat(20_000)],
    ["fences without an end", "```".repeat(4_999)],
    ["halves of surrogate pairs", "\ud800".repeat(20)],
  ])("%s", (_name, text) => {
    expect(skeletonOf(text).length).toBeLessThanOrEqual(1);
  });

  it("ends for any text, with no unit twice", () => {
    const piece = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("```", '"', "'", "\n", ": ", "://", "@", "0", "。"),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const units = [...skeletonOf(pieces.join(""))];
        expect(new Set(units).size).toBe(units.length);
      }),
    );
  });
});
