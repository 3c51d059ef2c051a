import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { RouteletError } from "../errors.ts";
import { MAX_JSON_DEPTH, readJsonObject, readWith } from "./read-json.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const read = (text: string) => readJsonObject(encode(text), "`model`");

function refusal(act: () => unknown): RouteletError {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof RouteletError) return thrown;
  }
  throw new Error("nothing was refused");
}

describe("readJsonObject", () => {
  it("keeps the caller's own text beside what it says", () => {
    expect(read(' {"a" : 1.0}\n')).toEqual({ text: ' {"a" : 1.0}\n', json: { a: 1 } });
  });

  it("takes a body that begins with a byte order mark, and leaves that out of the text", () => {
    expect(read('\uFEFF{"a":1}')).toEqual({ text: '{"a":1}', json: { a: 1 } });
  });

  it.each(["", "{", '{"a":1}}', "{'a':1}", '{"a":"\u0000"}', "\u0000", '{"a":NaN}'])(
    "refuses what is not JSON: %j",
    (text) => {
      expect(refusal(() => read(text))).toMatchObject({ status: 400, code: "invalid_json" });
    },
  );

  it.each(["[]", "1", '"x"', "null"])("refuses what is not an object: %s", (text) => {
    expect(refusal(() => read(text))).toMatchObject({ status: 400, code: "invalid_type" });
  });

  it("refuses bytes that are not UTF-8: no two parsers read them alike", () => {
    const bytes = Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d);
    expect(refusal(() => readJsonObject(bytes, "`model`")).code).toBe("invalid_json");
  });

  it("takes escaped NUL and lone surrogates: they are valid JSON, and the backend judges them", () => {
    expect(read('{"a":"\\u0000\\ud800"}').json).toEqual({ a: "\u0000\ud800" });
  });

  it("lets the last of several equal names count, and takes `__proto__` for a name", () => {
    expect(read('{"a":1,"a":2}').json).toEqual({ a: 2 });
    expect(Object.getPrototypeOf(read('{"__proto__":{"a":1}}').json)).toBe(Object.prototype);
  });

  it("refuses nesting beyond its limit, however it is spaced, and takes what is at it", () => {
    const nested = (depth: number, open = "[", close = "]") =>
      `{"a":${open.repeat(depth - 1)}${close.repeat(depth - 1)}}`;
    expect(read(nested(MAX_JSON_DEPTH)).json).toBeDefined();
    expect(refusal(() => read(nested(MAX_JSON_DEPTH + 1))).code).toBe("json_too_deep");
    expect(refusal(() => read(nested(MAX_JSON_DEPTH + 1, ' [ "\\\\" , '))).code).toBe("json_too_deep");
    expect(refusal(() => read(`${'{"a":'.repeat(1_000_000)}`)).code).toBe("json_too_deep");
  });

  it("does not take brackets in strings for nesting", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("[", "{", '"', "\\", "]", "é"), { maxLength: 400 }), (letters) => {
        const json = { [letters.join("")]: letters.join(""), more: [1] };
        expect(read(JSON.stringify(json)).json).toEqual(json);
      }),
    );
  });
});

describe("readWith", () => {
  const part = z.looseObject({ url: z.string() });
  const schema = z.looseObject({
    model: z.string(),
    list: z.array(z.union([z.string(), z.looseObject({ parts: z.array(part) })])).optional(),
  });

  it.each([
    [{}, "model", "`model` is missing."],
    [{ model: 1 }, "model", "`model` is wrong: expected string, received number."],
    [{ model: "m", list: [1] }, "list[0]", "`list[0]` is wrong: expected string or object."],
    [
      { model: "m", list: ["a", { parts: [{ url: 1 }] }] },
      "list[1].parts[0].url",
      "`list[1].parts[0].url` is wrong: expected string, received number.",
    ],
  ])("names the field and what is wrong with it: %j", (json, param, message) => {
    expect(refusal(() => readWith(schema, json))).toMatchObject({ code: "invalid_type", param, message });
  });

  it.each([
    [[], "is wrong: it must not be empty."],
    [["a", "b", "c"], "is wrong: it has more than two."],
    [5, "is wrong: expected string or array."],
  ])("says of a value that one form is meant for what is wrong with its size: %j", (value, message) => {
    const list = z.array(z.string()).min(1, "it must not be empty").max(2, "it has more than two");
    const refused = refusal(() => readWith(z.looseObject({ a: z.union([z.string(), list]) }), { a: value }));
    expect(refused).toMatchObject({ param: "a", message: `\`a\` ${message}` });
  });

  it("counts from where the part stands", () => {
    expect(refusal(() => readWith(part, {}, ["a", 3])).param).toBe("a[3].url");
  });
});
