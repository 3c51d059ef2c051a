import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type JsonLeaf, mapJsonLeaves } from "./json-strings.ts";

function leaves(json: string): JsonLeaf[] {
  const seen: JsonLeaf[] = [];
  mapJsonLeaves(json, (leaf) => {
    seen.push(leaf);
    return null;
  });
  return seen;
}

describe("strings and numbers of a JSON text", () => {
  it("are replaced in their places, and everything else stays as it was", () => {
    const json = ' { "a" : "x\\ny" ,\n"b":[ 1.50, -2e3, true, null,"x" ], "c":{} } ';
    const replaced = mapJsonLeaves(json, ({ text, isNumber }) =>
      isNumber ? "7" : text === "x" ? 'q"' : null,
    );
    expect(replaced).toBe(' { "a" : "x\\ny" ,\n"b":[ 7, 7, true, null,"q\\"" ], "c":{} } ');
  });

  it("know the field that they stand in", () => {
    expect(
      leaves('{"a":{"b":"1"},"c":["2",{"d":3}],"e":"4"}').map(({ text, name, isName }) => [
        text,
        isName ? "(name)" : name,
      ]),
    ).toEqual([
      ["a", "(name)"],
      ["b", "(name)"],
      ["1", "b"],
      ["c", "(name)"],
      ["2", "c"],
      ["d", "(name)"],
      ["3", "d"],
      ["e", "(name)"],
      ["4", "e"],
    ]);
  });

  it("of a text that is cut are those that are there, and what is no JSON is refused", () => {
    const json = '{"a":"x\\\\","b\\u00e9":["1\\n",22],"c":true,"d":"\\"e"}';
    for (let end = 1; end <= json.length; end++)
      expect(
        json.startsWith(
          mapJsonLeaves(json.slice(0, end), ({ text, isCut }) => (isCut ? null : text && null)),
        ),
      ).toBe(true);
    for (let end = 1; end <= json.length; end++)
      mapJsonLeaves(json.slice(0, end), ({ text, isCut, isNumber }) => (isCut && !isNumber ? text : null));
    for (const text of ["[see a]", "{a: 1}", '["\\x"]'])
      expect(() => mapJsonLeaves(text, () => null)).toThrow(SyntaxError);
  });

  it("of whatever JSON: nothing replaced is nothing changed, everything replaced is JSON", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(mapJsonLeaves(json, () => null)).toBe(json);
        JSON.parse(mapJsonLeaves(json, ({ isNumber }) => (isNumber ? "1" : 'a"\\b')));
      }),
      { numRuns: 300 },
    );
  });
});
