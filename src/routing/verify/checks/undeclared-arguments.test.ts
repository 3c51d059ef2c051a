import { expect, it } from "vitest";
import { undeclaredArguments } from "./undeclared-arguments.ts";

const a = { a: {} };

it.each([
  ["declared", { properties: a }, ["x"]],
  ["no properties at all", {}, []],
  ["an object that has none", { properties: {} }, ["a", "x"]],
  ["further names admitted", { properties: a, additionalProperties: true }, []],
  ["further names of a schema", { properties: a, additionalProperties: { type: "string" } }, []],
  ["further names refused", { properties: a, additionalProperties: false }, ["x"]],
  ["names by a pattern", { properties: {}, patternProperties: { "^x": {} } }, []],
  ["declared by reference", { $ref: "#/$defs/one", $defs: { one: { properties: a } } }, ["x"]],
  ["declared in a part", { allOf: [{ properties: a }, { properties: { x: {} } }] }, []],
  ["declared in a variant", { properties: {}, anyOf: [{ properties: a }, { properties: { y: {} } }] }, ["x"]],
  ["a variant that admits everything", { anyOf: [{ properties: a }, { additionalProperties: true }] }, []],
  ["declared on a condition", { properties: {}, if: {}, else: { properties: a } }, ["x"]],
  ["a reference to itself", { properties: a, $ref: "#" }, ["x"]],
] as const)("%s", (_name, schema, undeclared) => {
  expect(undeclaredArguments(schema, { a: 1, x: 2 })).toEqual(undeclared);
});
