import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { vectorAs } from "./vector.ts";

const floats = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 64 });

describe("vectorAs", () => {
  it("gives back 32-bit floats through base64, bit by bit", () => {
    fc.assert(
      fc.property(floats, (numbers) => {
        const text = vectorAs("base64", numbers);
        expect(typeof text).toBe("string");
        expect(vectorAs("float", text)).toEqual(numbers);
      }),
    );
  });

  it("writes what OpenAI's SDKs decode: 32-bit floats, least significant byte first", () => {
    const text = vectorAs("base64", [1, -2.5, 0.1]);
    const bytes = Buffer.from(String(text), "base64");
    expect(Array.from({ length: 3 }, (_, at) => bytes.readFloatLE(at * 4))).toEqual([
      1,
      -2.5,
      Math.fround(0.1),
    ]);
  });

  it.each([
    ["float", [1, 2]],
    ["base64", Buffer.from(new Float32Array([1, 2]).buffer).toString("base64")],
  ] as const)("leaves what is in the right format (%s) as it is", (format, value) => {
    expect(vectorAs(format, value)).toBe(value);
  });

  it.each([
    ["no vector", undefined],
    ["an empty one", []],
    ["an empty text", ""],
    ["what is no number", [1, "2"]],
    ["a null among numbers", [1, null]],
    ["no base64", "%%%"],
    ["bytes that are no whole floats", "AAAA"],
    ["base64 of a NaN", Buffer.from(new Float32Array([Number.NaN]).buffer).toString("base64")],
  ])("is null for %s", (_name, value) => {
    expect(vectorAs("float", value)).toBeNull();
  });
});
