import { describe, expect, it } from "vitest";
import { answer, asked, calling } from "../fixtures/asked.ts";
import { checkCallArguments } from "./call-arguments.ts";

const check = (name: string, written: unknown) =>
  checkCallArguments(asked(), calling(name, written)).findings.map(
    ({ code, path }) => `${code} ${path.replace("calls[0].arguments", "")}`,
  );

describe("arguments of a call", () => {
  it.each([
    ["all that is required", { city: "Lisbon" }, []],
    ["everything", { city: "Lisbon", days: 3, unit: "celsius", at: { lat: 38.7 } }, []],
    ["nothing of what is required", {}, ["missing_argument .city"]],
    ["a text for a number", { city: "Lisbon", days: "3" }, ["wrong_type .days"]],
    ["a fraction for a whole number", { city: "Lisbon", days: 2.5 }, ["wrong_type .days"]],
    ["a whole number written as a fraction", { city: "Lisbon", days: 3.0 }, []],
    ["a number beyond its bounds", { city: "Lisbon", days: 15 }, ["schema_violation .days"]],
    ["a value outside the enum", { city: "Lisbon", unit: "kelvin" }, ["not_in_enum .unit"]],
    ["an argument that the tool does not know", { city: "Lisbon", hours: 2 }, ["unknown_argument .hours"]],
    ["a mistake inside an object", { city: "Lisbon", at: { lat: "north" } }, ["wrong_type .at.lat"]],
    ["something missing inside an object", { city: "Lisbon", at: {} }, ["missing_argument .at.lat"]],
    ["null for what may be left out", { city: "Lisbon", days: null }, []],
    ["null for what is required", { city: null }, ["wrong_type .city"]],
    [
      "several mistakes",
      { days: "x", unit: 1 },
      ["missing_argument .city", "not_in_enum .unit", "wrong_type .days", "wrong_type .unit"],
    ],
    ["a list", [], ["invalid_json "]],
    ["a text", '"Lisbon"', ["invalid_json "]],
    ["JSON that was cut off", '{"city": "Lis', ["invalid_json "]],
    ["no text at all", "", ["missing_argument .city"]],
    ["a name that every object has", '{"city": "Lisbon", "__proto__": 1}', ["unknown_argument .__proto__"]],
  ] as const)("%s", (_name, written, findings) => {
    expect(check("get_weather", written).sort()).toEqual([...findings].sort());
  });

  it("a tool without parameters takes an empty object, and no text", () => {
    expect(check("current_time", "")).toEqual([]);
    expect(check("current_time", {})).toEqual([]);
    expect(check("current_time", "now")).toEqual(["invalid_json "]);
  });

  it("says of which call", () => {
    const both = answer({
      calls: [
        { name: "get_weather", arguments: '{"city":"Lisbon"}' },
        { name: "get_weather", arguments: "{}" },
      ],
    });
    expect(checkCallArguments(asked(), both).findings).toEqual([
      { code: "missing_argument", path: "calls[1].arguments.city" },
    ]);
  });

  it("leaves unknown tools to the check of names", () => {
    expect(check("nobody", "{")).toEqual([]);
  });
});
