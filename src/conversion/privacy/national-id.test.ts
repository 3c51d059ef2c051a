import { describe, expect, it } from "vitest";
import { isSsn, ssnSurrogate } from "./national-id.ts";
import { found } from "./testing/found.ts";

describe("identity numbers", () => {
  it.each([
    ["United States", "SSN 219-09-9999", "ssn 219-09-9999"],
    ["United States, spaces", "it is 219 09 9999.", "ssn 219 09 9999"],
    ["United States, together beside its name", "ssn: 219099999", "ssn 219099999"],
    ["Brazil", "CPF 529.982.247-25", "national_id 529.982.247-25"],
    ["Spain", "DNI 12345678Z", "national_id 12345678Z"],
    ["Spain, foreigners", "NIE X1234567L", "national_id X1234567L"],
    ["India", "Aadhaar 2345 6789 0124", "national_id 2345 6789 0124"],
    ["France", "NIR 1 85 05 78 006 084 91", "national_id 1 85 05 78 006 084 91"],
    ["Sweden", "personnummer 811218-9876", "national_id 811218-9876"],
    ["Italy", "RSSMRA85T10A562S", "national_id RSSMRA85T10A562S"],
  ])("%s", (_name, text, id) => {
    expect(found(text)).toEqual([id]);
  });

  it.each([
    ["an area that is not given out", "000-12-3456, 666-12-3456, 987-65-4321"],
    ["a group or serial of zeros", "219-00-9999, 219-09-0000"],
    ["nine digits without their name", "219099999"],
    ["a longer number", "1219-09-9999, 219-09-99991, 219-09-9999-1"],
    ["wrong check digits", "529.982.247-26, 12345678A, X1234567M, RSSMRA85T10A562T, 811218-9877"],
  ])("not %s", (_name, text) => {
    expect(found(text)).toEqual([]);
  });

  it("a surrogate of a social security number is never given out", () => {
    const surrogate = ssnSurrogate((count) => "5".repeat(count));
    expect(surrogate).toMatch(/^9\d{8}$/);
    expect(isSsn(surrogate)).toBe(false);
  });
});
