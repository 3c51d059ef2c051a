import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createJsonValueScanner } from "./json-values.ts";

/** The characters that belong to values, in order. */
function valuesIn(text: string): string {
  const scanner = createJsonValueScanner();
  return [...text].filter((character) => scanner.push(character).inValue).join("");
}

/** The same, from what JSON.parse makes of it. */
function expectedValues(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value).slice(1, -1);
  if (Array.isArray(value)) return value.map(expectedValues).join("");
  if (typeof value === "object" && value !== null) return Object.values(value).map(expectedValues).join("");
  return JSON.stringify(value);
}

describe("createJsonValueScanner", () => {
  it("finds the values of any JSON object or array, whatever the spaces", () => {
    const json = fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue()));
    fc.assert(
      fc.property(json, fc.constantFrom(0, 1, 2), (value, indent) => {
        expect(valuesIn(JSON.stringify(value, null, indent))).toBe(expectedValues(value));
      }),
    );
  });

  it.each([
    ["keys and punctuation are none", '{"city": "Berlin", "days": 3, "metric": true}', "Berlin3true"],
    ["between tags", '<tool_call>\n{"name": "f", "arguments": {"a": [1, null]}}\n</tool_call>', "f1null"],
    ["escapes", '{"a": "x\\"y\\\\"}', 'x\\"y\\\\'],
    ["prose has none", "Call me at 5, or at 6: as you like.", ""],
    ["braces in prose end with the first thing that is no JSON", "a {set} of {x | x > 1} things", ""],
    ["a bare value is none", '"Berlin"', ""],
  ])("%s", (_, text, values) => {
    expect(valuesIn(text)).toBe(values);
  });

  it("counts what lies in JSON, white space left out", () => {
    const scanner = createJsonValueScanner();
    expect(scanner.push('Sure: {"a": ')).toEqual({ characters: 10, inJson: 5, inValue: false });
    expect(scanner.push('"b c"} ok')).toEqual({ characters: 7, inJson: 5, inValue: true });
  });
});
