import { expect, it } from "vitest";
import { asked, calling } from "../fixtures/asked.ts";
import { grounding } from "./grounding.ts";

const CONTEXT = ["You book tables.", "A table for four at Zur Letzten Instanz, 18:30, with a 15% tip."];

const measure = (value: unknown) => grounding(asked({ context: CONTEXT }), calling("get_weather", value));

it.each([
  ["words that were said", { city: "zur letzten instanz" }, { least: 1, mean: 1, values: 1 }],
  ["words that were not", { city: "Cologne" }, { least: 0, mean: 0, values: 1 }],
  ["half of them", { city: "Letzten Cologne" }, { least: 0.5, mean: 0.5, values: 1 }],
  ["a number in words", { guests: 4 }, { least: 1, mean: 1, values: 1 }],
  ["a share in percent", { tip: 0.15 }, { least: 1, mean: 1, values: 1 }],
  ["a number from nowhere", { guests: 7 }, { least: 0, mean: 0, values: 1 }],
  ["a member of the schema's enum", { unit: "celsius" }, { least: 1, mean: 1, values: 0 }],
  ["booleans and null", { now: true, later: null }, { least: 1, mean: 1, values: 0 }],
  [
    "values in lists and objects",
    { a: [{ b: "table" }, { b: "chair" }] },
    { least: 0, mean: 0.5, values: 2 },
  ],
  ["no JSON", "{", { least: 1, mean: 1, values: 0 }],
] as const)("%s", (_name, value, expected) => {
  expect(measure(value)).toEqual(expected);
});

it("looks at two hundred values of a call at most", () => {
  expect(measure({ all: Array.from({ length: 5_000 }, () => "table") }).values).toBe(200);
});
