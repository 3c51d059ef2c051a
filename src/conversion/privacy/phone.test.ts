import { describe, expect, it } from "vitest";
import { phoneSurrogate } from "./phone.ts";
import { found } from "./testing/found.ts";

describe("telephone numbers", () => {
  it.each([
    ["international", "+41 (0)44 668 18 00", "+41 (0)44 668 18 00"],
    ["international, together", "+442079460018", "+442079460018"],
    ["international, with 00", "0049 30 901820", "0049 30 901820"],
    ["North America", "212-555-0187", "212-555-0187"],
    ["North America, parentheses", "(212) 555-0187", "(212) 555-0187"],
    ["North America, points", "1.212.555.0187", "1.212.555.0187"],
    ["within a country", "020 7946 0018", "020 7946 0018"],
    ["within a country, in pairs", "01 99 00 12 34", "01 99 00 12 34"],
    ["an area in parentheses", "(72) 754-186", "(72) 754-186"],
    ["with its country in parentheses", "(+358) 116957220", "(+358) 116957220"],
    ["with a desk behind it", "(434) 492-2359 x852 today", "(434) 492-2359 x852"],
    ["with a desk at once behind it", "232.590.4844x95012", "232.590.4844x95012"],
    ["beside a word", "call me on 9472 7916", "9472 7916"],
    ["beside a word of another language", "Telefon: 5551234", "5551234"],
    ["under a heading", "Phone:\n467 3395", "467 3395"],
    ["as a field", '"phone_number": "4155550123"', "4155550123"],
    ["before a word", "451 5986-Office", "451 5986"],
    ["two in a row", "+44 7911 123456 or so", "+44 7911 123456"],
  ])("%s", (_name, text, phone) => {
    expect(found(text)).toEqual([`phone ${phone}`]);
  });

  it.each([
    ["an order number", "order 4155550123"],
    ["an order number after a call", "call about order number 4155550123"],
    ["a date", "call me on 2024-01-15 or 12/01/2024"],
    ["a time", "2024-01-15 10:30:00"],
    ["an amount", "$415 555 0123"],
    ["a version", "10.2.3456"],
    ["a UUID", "550e8400-e29b-41d4-a716-446655440000"],
    ["a part of a hash", "0212-555-0187-9"],
    ["single digits", "1 2 3 4 5 6 7 8 9 0"],
    ["a share", "212-555-0187%"],
    ["a name behind it", "212-555-0187x86_64"],
    ["no country", "+999 123 456 789"],
  ])("not %s", (_name, text) => {
    expect(found(text)).toEqual([]);
  });

  it.each([
    ["+1 415-555-2671", "+1 233-555-0133"],
    ["(415) 555-2671", "(233) 555-0133"],
    ["1-415-555-2671", "1-233-555-0133"],
    ["(+358) 116957220", "+1 233-555-0133"],
    ["(434) 492-2359 x852", "(233) 555-0133"],
    ["467 3395", "555 0133"],
    ["+44 7911 123456", "+44 7700 900333"],
    ["020 7946 0018", "077 0090 0333"],
    ["+39 06 1234567", "+1 233-555-0133"],
    ["0494 92 82 32", "07700 900333"],
    ["9472 7916", "233-555-0133"],
  ])("of %s the surrogate is kept for fiction", (written, surrogate) => {
    expect(phoneSurrogate(written, (count) => "3".repeat(count))).toBe(surrogate);
  });
});
