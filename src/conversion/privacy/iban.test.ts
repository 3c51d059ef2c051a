import { describe, expect, it } from "vitest";
import { ibanSurrogate, isIban } from "./iban.ts";
import { found } from "./testing/found.ts";

describe("account numbers", () => {
  it.each([
    ["in fours", "to GB82 WEST 1234 5698 7654 32, please", "GB82 WEST 1234 5698 7654 32"],
    ["together", "IBAN:DE89370400440532013000.", "DE89370400440532013000"],
    ["small letters", "it is gb82west12345698765432", "gb82west12345698765432"],
    ["a word behind it", "NO93 8601 1117 947 and more", "NO93 8601 1117 947"],
    ["letters in the account", "MT84MALT011000012345MTLCAST001S", "MT84MALT011000012345MTLCAST001S"],
  ])("%s", (_name, text, iban) => {
    expect(found(text)).toEqual([`iban ${iban}`]);
  });

  it.each([
    ["wrong check digits", "GB83 WEST 1234 5698 7654 32"],
    ["a country that has none", "US64SVBKUS6S3300958879"],
    ["a wrong length", "DE8937040044053201300"],
    ["mixed case", "gb82WEST12345698765432"],
    ["a UUID", "ee00c8e0-ad17-f3af-75d8-c4ec85463f0a"],
    ["a longer word", "DE893704004405320130001"],
  ])("not %s", (_name, text) => {
    expect(found(text)).toEqual([]);
  });

  it("a surrogate is of the country, and passes the check", () => {
    const surrogate = ibanSurrogate("GB82WEST12345698765432", () => "ABCD11111111111111");
    expect(surrogate).toMatch(/^GB\d\dABCD1{14}$/);
    expect(isIban(surrogate)).toBe(true);
  });
});
