import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { listBeginning, setTopLevelField } from "./json-splice.ts";

describe("setTopLevelField", () => {
  it("changes the value and not one other character", () => {
    const text =
      '{ "messages" : [ {"role":"user","content":"a \\"model\\": \\"x\\" \\\\"} ],\n  "model"\t: "openai/gpt-5-mini" , "z": 1.0e2 }';
    expect(setTopLevelField(text, "model", "gpt-5-mini")).toBe(
      text.replace('"openai/gpt-5-mini"', '"gpt-5-mini"'),
    );
  });

  it("puts a missing field first", () => {
    expect(setTopLevelField("{}", "a", 1)).toBe('{"a":1}');
    expect(setTopLevelField('{ "b":2}', "a", { c: true })).toBe('{"a":{"c":true}, "b":2}');
  });

  it("replaces every repetition of a name, however it is escaped, so that no parser sees the old value", () => {
    expect(setTopLevelField('{"model":"x","\\u006dodel":"y"}', "model", "z")).toBe(
      '{"model":"z","\\u006dodel":"z"}',
    );
  });

  it("leaves nested fields of the same name alone", () => {
    expect(setTopLevelField('{"tools":[{"model":"in"}],"o":{"model":"in"}}', "model", "out")).toBe(
      '{"model":"out","tools":[{"model":"in"}],"o":{"model":"in"}}',
    );
  });

  it("equals parse, set, stringify for any object and any spacing", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.string(),
        fc.jsonValue(),
        fc.constantFrom(undefined, 1, "\t"),
        (object, name, value, indent) => {
          const spliced: unknown = JSON.parse(
            setTopLevelField(JSON.stringify(object, null, indent), name, value),
          );
          const expected = JSON.parse(JSON.stringify({ ...object, [name]: value })) as Record<
            string,
            unknown
          >;
          if (name !== "__proto__") expect(spliced).toEqual(expected);
        },
      ),
    );
  });
});

describe("listBeginning", () => {
  const isB = (element: string) => element.includes("b");

  it.each([
    ["the elements up to the accepted one", '{"x":[0],"list": [ "a" , ["b"] ,"c"]}', '[ "a" , ["b"]'],
    ["nothing when nothing follows", '{"list":["a","b"]}', null],
    ["nothing when none is accepted", '{"list":["a","c"]}', null],
    ["nothing when there is no list", '{"list":"b, b"}', null],
    ["nothing when it is empty", '{"list":[ ]}', null],
  ])("gives %s", (_name, text, beginning) => {
    expect(listBeginning(text, "list", isB)).toBe(beginning);
  });
});
