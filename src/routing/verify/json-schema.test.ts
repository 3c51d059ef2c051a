import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { validateJson } from "./json-schema.ts";
import type { SchemaRole } from "./usable-schema.ts";

const check = (schema: Record<string, unknown>, value: unknown, role: SchemaRole = "text") => {
  const { findings, unchecked } = validateJson(schema, value, { path: "", role });
  return { found: findings.map(({ code, path }) => `${code} ${path}`), unchecked };
};
const found = (schema: Record<string, unknown>, value: unknown, role?: SchemaRole) =>
  check(schema, value, role).found;
const one = (schema: unknown) => ({ type: "object", properties: { x: schema } });

describe("what is found, in whose words", () => {
  it.each([
    ["type", { type: "integer" }, "1", ["wrong_type .x"]],
    ["one of several types", { type: ["integer", "null"] }, null, []],
    ["const", { const: "a" }, "b", ["not_in_enum .x"]],
    ["pattern", { pattern: "^[a-z]+$" }, "A1", ["schema_violation .x"]],
    ["format", { format: "date" }, "2025-02-30", ["schema_violation .x"]],
    ["a format that implementations read differently", { format: "date-time" }, "tomorrow", []],
    ["multipleOf", { multipleOf: 0.1 }, 0.3, []],
    ["items", { items: { type: "string" } }, ["a", 1], ["wrong_type .x[1]"]],
    ["prefixItems", { prefixItems: [{ type: "string" }] }, [1], ["wrong_type .x[0]"]],
    ["uniqueItems", { uniqueItems: true }, [1, 1], ["schema_violation .x"]],
    ["contains", { contains: { type: "string" } }, [1, 2], ["schema_violation .x"]],
    ["anyOf, none fits by type", { anyOf: [{ type: "string" }, { type: "null" }] }, 1, ["wrong_type .x"]],
    ["anyOf, one fits", { anyOf: [{ type: "string" }, { type: "null" }] }, null, []],
    [
      "anyOf of objects",
      { anyOf: [{ required: ["a"] }, { required: ["b"] }] },
      {},
      ["missing_argument .x.a"],
    ],
    ["oneOf, two fit", { oneOf: [{ type: "string" }, { minLength: 1 }] }, "a", ["schema_violation .x"]],
    ["not", { not: { type: "string" } }, "a", ["schema_violation .x"]],
    ["a condition", { if: { type: "number" }, else: { minLength: 2 } }, "a", ["schema_violation .x"]],
    ["a schema that nothing fits", false, 1, ["schema_violation .x"]],
    [
      "no further names",
      { properties: {}, additionalProperties: false },
      { a: 1 },
      ["unknown_argument .x.a"],
    ],
    ["further names of a type", { additionalProperties: { type: "string" } }, { a: 1 }, ["wrong_type .x.a"]],
    [
      "unevaluatedProperties",
      { properties: { a: {} }, unevaluatedProperties: false },
      { b: 1 },
      ["unknown_argument .x.b"],
    ],
    ["propertyNames", { propertyNames: { pattern: "^a" } }, { b: 1 }, ["schema_violation .x.b"]],
    ["dependentRequired", { dependentRequired: { a: ["b"] } }, { a: 1 }, ["schema_violation .x"]],
    [
      "a name with a slash",
      { properties: { "a/b": { type: "string" } } },
      { "a/b": 1 },
      ["wrong_type .x.a/b"],
    ],
  ] as const)("%s", (_name, schema, value, findings) => {
    expect(found(one(schema), { x: value })).toEqual(findings);
  });

  it("follows references, also round and round", () => {
    const schema = {
      $ref: "#/$defs/node",
      $defs: {
        node: { type: "object", properties: { next: { $ref: "#/$defs/node" }, v: { type: "integer" } } },
      },
    };
    expect(found(schema, { next: { next: { v: 1 } } })).toEqual([]);
    expect(found(schema, { next: { next: { v: "1" } } })).toEqual(["wrong_type .next.next.v"]);
  });
});

describe("what frameworks write otherwise", () => {
  it.each([
    ["nullable, of OpenAPI 3.0", { type: "string", nullable: true }, null, []],
    ["nullable with an enum", { type: "string", enum: ["a"], nullable: true }, null, []],
    ["exclusiveMinimum of draft 4", { minimum: 1, exclusiveMinimum: true }, 1, ["schema_violation .x"]],
    ["exclusiveMinimum of draft 4, off", { minimum: 1, exclusiveMinimum: false }, 1, []],
    ["a list's enum, meant for its items", { type: "array", enum: ["a", "b"] }, ["a"], []],
    ["the same, broken", { type: "array", enum: ["a", "b"] }, ["c"], ["not_in_enum .x[0]"]],
    ["an id that is no identifier", { id: "x", type: "string" }, 1, ["wrong_type .x"]],
  ] as const)("%s", (_name, schema, value, findings) => {
    expect(check(one(schema), { x: value })).toEqual({ found: findings, unchecked: [] });
  });
});

describe("arguments are read as tools read them", () => {
  const schema = {
    properties: {
      unit: { type: "string", default: null },
      size: { type: "string", enum: ["S", "M"], default: "any" },
      smoking: { type: "string", enum: ["True", "False"] },
      rooms: { type: "string", enum: ["1", "2"] },
      city: { type: "string" },
    },
    required: ["city"],
  };
  it.each([
    ["null for what may be left out", { city: "x", unit: null, size: null }, []],
    ["the default, whatever the type says", { city: "x", size: "any" }, []],
    ["another value outside the enum", { city: "x", size: "XL" }, ["not_in_enum .size"]],
    ["a boolean whose spelling is listed", { city: "x", smoking: false }, []],
    ["a number whose spelling is listed", { city: "x", rooms: 2 }, []],
    ["a number whose spelling is not", { city: "x", rooms: 3 }, ["not_in_enum .rooms"]],
    ["null for what is required", { city: null }, ["wrong_type .city"]],
  ] as const)("%s", (_name, value, findings) => {
    expect(found(schema, value, "arguments")).toEqual(findings);
  });
});

describe("what cannot be checked is named", () => {
  it.each([
    ["a type that JSON does not have", { type: "dict" }, "/properties/x/type"],
    ["a pattern that can run away", { pattern: "^(a+)+$" }, "/properties/x/pattern"],
    ["a pattern that is none", { pattern: "(" }, "/properties/x/pattern"],
    ["a reference that leads nowhere", { $ref: "#/$defs/gone" }, "/properties/x/$ref"],
    ["a reference to elsewhere", { $ref: "https://example.com/schema" }, "/properties/x/$ref"],
    ["a required that is no list", { required: true }, "/properties/x/required"],
    ["an enum of another type", { type: "string", enum: [1, 2] }, "/properties/x/enum"],
    ["a bound that is no number", { minimum: "1" }, "/properties/x/minimum"],
    ["a schema that is none", "string", "/properties/x"],
    [
      "names by a pattern that can run away",
      { patternProperties: { "(a*)*": {} } },
      "/properties/x/patternProperties/(a*)*",
    ],
  ] as const)("%s", (_name, schema, at) => {
    expect(check(one(schema), { x: "a" })).toEqual({ found: [], unchecked: [`#${at}`] });
  });

  it("uniqueItems of a list so long that comparing every pair would hold up other calls", () => {
    const list = Array.from({ length: 1_001 }, (_, at) => at);
    expect(check(one({ uniqueItems: true }), { x: list }).unchecked).toEqual(["#/properties/x/uniqueItems"]);
  });
});

describe("what would hold up other calls is not verified, and so not released", () => {
  const doubled = Object.fromEntries(
    Array.from({ length: 40 }, (_, at) => [
      `l${at}`,
      { allOf: [{ $ref: `#/$defs/l${at + 1}` }, { $ref: `#/$defs/l${at + 1}` }] },
    ]),
  );
  const nested = (levels: number): unknown => (levels === 0 ? 1 : { x: nested(levels - 1) });
  let deep: Record<string, unknown> = { type: "string" };
  for (let level = 0; level < 70; level++) deep = { properties: { x: deep } };
  it.each([
    [
      "references that double at every step",
      { $ref: "#/$defs/l0", $defs: { ...doubled, l40: { type: "string" } } },
      1,
    ],
    ["a reference to itself", { $ref: "#" }, 1],
    [
      "two that point at each other",
      { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } },
      1,
    ],
    [
      "a schema of too many parts",
      { properties: Object.fromEntries(Array.from({ length: 5_001 }, (_, at) => [at, {}])) },
      {},
    ],
    ["a schema that is too deep", deep, {}],
    ["a value that is too deep", {}, nested(70)],
    [
      "branches that multiply with the depth of the value",
      {
        $ref: "#/$defs/n",
        $defs: {
          n: {
            anyOf: [
              { properties: { x: { $ref: "#/$defs/n" } } },
              { properties: { x: { $ref: "#/$defs/n" } } },
            ],
          },
        },
      },
      nested(40),
    ],
  ] as const)("%s", (_name, schema, value) => {
    expect(found(schema, value)).toEqual(["unverifiable "]);
  });
});

it("never throws, and leaves the caller's schema as it was", () => {
  const json = fc.jsonValue({ maxDepth: 4 });
  const keyword = fc.constantFrom(
    "type",
    "enum",
    "items",
    "properties",
    "required",
    "anyOf",
    "$ref",
    "not",
    "pattern",
    "default",
  );
  const schema = fc.dictionary(keyword, json, { maxKeys: 5 });
  fc.assert(
    fc.property(schema, json, (given, value) => {
      const before = JSON.stringify(given);
      expect(() =>
        validateJson({ properties: { x: given } }, { x: value }, { path: "", role: "arguments" }),
      ).not.toThrow();
      expect(JSON.stringify(given)).toBe(before);
    }),
    { numRuns: 300 },
  );
});
