import { describe, expect, it } from "vitest";
import { schemaGrammar } from "./schema-grammar.ts";
import { createMatcher } from "./test-matcher.ts";
import { UnsupportedSchema } from "./unsupported-schema.ts";

interface Case {
  schema: unknown;
  strict?: boolean;
  matches: readonly string[];
  refuses: readonly string[];
}

const NODE = {
  type: "object",
  properties: { v: { type: "integer" }, next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } },
  required: ["v", "next"],
  additionalProperties: false,
};

const CASES: Record<string, Case> = {
  "optional properties, in order, any of them": {
    schema: {
      type: "object",
      properties: { a: { type: "string" }, b: { type: "integer" }, c: { type: "boolean" } },
      required: ["b"],
      additionalProperties: false,
    },
    matches: ['{"b":1}', '{"a":"x","b":1}', '{"a": "x", "b": -12, "c": true}', '{"b":0,"c":false}'],
    refuses: ["{}", '{"a":"x"}', '{"b":1,}', '{"b":01}', '{"b":1,"d":2}', '{,"b":1}', '{"b":1  ,"c":true}'],
  },
  "only optional properties": {
    schema: {
      type: "object",
      properties: { a: { const: 1 }, b: { const: 2 }, c: { const: 3 } },
      additionalProperties: false,
    },
    matches: ["{}", '{"a":1}', '{"b":2}', '{"c":3}', '{"a":1,"c":3}', '{"a":1,"b":2,"c":3}'],
    refuses: ['{"c":3,"a":1}', '{"a":1,"a":1}', '{"a":1 }', '{"a":1,}'],
  },
  "further properties behind the named ones, none of them under a named one's name": {
    schema: { type: "object", properties: { a: { type: "string" } } },
    matches: ["{}", '{"a":"x","b":[1,{"c":null}]}', '{"b":1}', '{"aa":1,"":2}', '{"\\n":1}'],
    refuses: ['{"a":1}', '{"b":1,"a":2}', '{"\\u0061":1}'],
  },
  "further properties of a schema": {
    schema: { type: "object", additionalProperties: { type: "integer" }, minProperties: 1, maxProperties: 2 },
    matches: ['{"a":1}', '{"a":1,"b":2}'],
    refuses: ["{}", '{"a":"x"}', '{"a":1,"b":2,"c":3}'],
  },
  "required names that are no properties": {
    schema: { type: "object", properties: { a: { type: "integer" } }, required: ["a", "z"] },
    matches: ['{"a":1,"z":[]}', '{"a":1,"z":1,"q":2}'],
    refuses: ['{"a":1}', '{"z":1}'],
  },
  "names of other properties by pattern": {
    schema: {
      type: "object",
      properties: { id: { type: "integer" } },
      patternProperties: { "^x-": { type: "integer" }, "-s$": { type: "string" } },
      additionalProperties: { type: "null" },
    },
    matches: ["{}", '{"x-a":1}', '{"id":1,"x-a":1,"x-b":2}', '{"a-s":"t"}', '{"q":null}'],
    refuses: ['{"q":1}', '{"x-a":"s"}', '{"a-s":1}', '{"x-s":1}', '{"x-s":"t"}'],
  },
  propertyNames: {
    schema: {
      type: "object",
      propertyNames: { enum: ["a", "b"] },
      additionalProperties: { type: "integer" },
    },
    matches: ["{}", '{"a":1,"b":2}'],
    refuses: ['{"c":1}', '{"a":"x"}'],
  },
  "names that need escapes": {
    schema: { type: "object", properties: { 'a"\\\n': { type: "null" } }, required: ['a"\\\n'] },
    matches: ['{"a\\"\\\\\\n":null}'],
    refuses: ['{"a":null}'],
  },
  "a property named __proto__": {
    schema: JSON.parse(
      '{"type":"object","properties":{"__proto__":{"type":"integer"}},"required":["__proto__"]}',
    ),
    matches: ['{"__proto__":1}'],
    refuses: ["{}", '{"__proto__":"x"}'],
  },
  "strict closes objects that list properties, and no others": {
    schema: { type: "object", properties: { a: { type: "object" } }, required: ["a"] },
    strict: true,
    matches: ['{"a":{}}', '{"a":{"b":1}}'],
    refuses: ['{"a":{},"b":1}'],
  },
  anyOf: {
    schema: {
      anyOf: [{ type: "string", maxLength: 1 }, { type: "null" }, { type: "array", items: { type: "null" } }],
    },
    matches: ['"x"', "null", "[null]"],
    refuses: ['"xy"', "1", "[1]"],
  },
  "keywords beside anyOf and $ref": {
    schema: {
      type: "object",
      properties: { kind: { enum: ["a", "b"] } },
      required: ["kind"],
      additionalProperties: true,
      anyOf: [
        { properties: { kind: { const: "a" }, n: { type: "integer" } }, required: ["n"] },
        { $ref: "#/$defs/b", required: ["kind"] },
      ],
      $defs: { b: { properties: { kind: { const: "b" } } } },
    },
    matches: ['{"kind":"a","n":1}', '{"kind":"b"}'],
    refuses: ['{"kind":"a"}', '{"kind":"c"}'],
  },
  "allOf, merged": {
    schema: {
      allOf: [
        { type: "object", properties: { n: { minimum: 3 } }, required: ["n"] },
        { properties: { n: { type: "integer", maximum: 12 } } },
      ],
      additionalProperties: true,
    },
    matches: ['{"n":3}', '{"n":12}'],
    refuses: ["{}", '{"n":2}', '{"n":13}', '{"n":"4"}'],
  },
  "if, then, else": {
    schema: {
      type: "object",
      properties: { kind: { enum: ["a", "b"] }, n: { type: ["integer", "string"] } },
      required: ["kind", "n"],
      if: { properties: { kind: { const: "a" } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { properties: { n: { type: "integer" } } },
      else: { properties: { kind: { const: "b" }, n: { type: "string" } } },
    },
    matches: ['{"kind":"a","n":1}', '{"kind":"b","n":"x"}'],
    refuses: ['{"kind":"a","n":"x"}', '{"kind":"b","n":1}'],
  },
  "enum and const of any value": {
    schema: { anyOf: [{ enum: ["a", 1, null, true, { x: [1, "y"] }] }, { const: 2.5 }] },
    matches: ['"a"', "1", "null", "true", '{"x":[1,"y"]}', '{"x": [1, "y"]}', "2.5"],
    refuses: ['"b"', "2", "false", '{"x":[1]}'],
  },
  "an enum beside other keywords": {
    schema: { type: ["string", "integer"], enum: ["a", "abc", 1, 2.5, null, 20], maxLength: 2, maximum: 10 },
    matches: ['"a"', "1"],
    refuses: ['"abc"', "2.5", "null", "20"],
  },
  "a type list and nullable": {
    schema: {
      type: "object",
      properties: { a: { type: ["string", "null"] }, b: { type: "integer", nullable: true, enum: [1, 2] } },
      required: ["a", "b"],
    },
    matches: ['{"a":null,"b":null}', '{"a":"","b":2}'],
    refuses: ['{"a":1,"b":1}', '{"a":"","b":3}'],
  },
  "arrays with counts": {
    schema: {
      type: "array",
      items: { type: "array", items: { type: "integer" }, maxItems: 2 },
      minItems: 1,
      maxItems: 3,
    },
    matches: ["[[]]", "[[1],[2, 3], []]"],
    refuses: ["[]", "[[],[],[],[]]", "[[1,2,3]]", "[[1],]", "[,[1]]"],
  },
  "tuples, also in the older spelling": {
    schema: {
      anyOf: [
        { type: "array", prefixItems: [{ type: "integer" }, { type: "string" }], items: false },
        { type: "array", items: [{ type: "null" }], additionalItems: { type: "boolean" }, minItems: 1 },
      ],
    },
    matches: ["[]", "[1]", '[1,"a"]', "[null]", "[null,true,false]"],
    refuses: ['[1,"a",2]', '["a"]', "[null,1]", "[true]"],
  },
  "tuples with a least length": {
    schema: {
      type: "array",
      prefixItems: [{ type: "integer" }, { type: "string" }],
      minItems: 2,
      maxItems: 3,
    },
    matches: ['[1,"a"]', '[1,"a",null]'],
    refuses: ["[]", "[1]", '[1,"a",1,1]'],
  },
  "lengths in code points": {
    schema: { type: "string", minLength: 2, maxLength: 3 },
    matches: ['"ab"', '"a\\nb"', '"\\ud83d\\ude00x"', '"😀é"'],
    refuses: ['"a"', '"abcd"', '"😀"'],
  },
  "strings without control characters, bad escapes or lone surrogates": {
    schema: { type: "string" },
    matches: [
      '""',
      '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
      '"\\u00e9\\uD83D\\uDE00"',
      '"한국어 \u2028"',
      '"\\uD7FF\\uE000"',
    ],
    refuses: [
      '"\n"',
      '"\t"',
      '"\u0000"',
      '"\\x41"',
      '"\\u12"',
      '"\\ud83d"',
      '"\\ude00"',
      '"\\ud83dx"',
      '"',
      '"a"b"',
    ],
  },
  "a pattern without anchors matches anywhere": {
    schema: { type: "string", pattern: 'b+"\\\\' },
    matches: ['"b\\"\\\\"', '"abb\\"\\\\ü"'],
    refuses: ['"b"', '"\\"\\\\"'],
  },
  "a pattern with anchors, classes and counts": {
    schema: { type: "string", pattern: "^[A-Z][a-z\\-]{2,4}(?:\\s\\d+|[^\\w,])$" },
    matches: ['"Abc 12"', '"A--z\\t1"', '"Abcde!"', '"Abcö"', '"Abc\\n"', '"Abc\\u0001"'],
    refuses: ['"abc 1"', '"Ab 1"', '"Abc"', '"Abc,"', '"Abc 12x"', '"Abc\\u0061"'],
  },
  "anchors inside alternatives": {
    schema: { type: "string", pattern: "(^a|b$)" },
    matches: ['"a"', '"ax"', '"xb"', '"b"'],
    refuses: ['"xa"', '"bx"', '""'],
  },
  "a pattern with lookaheads and a length": {
    schema: { type: "string", pattern: "^(?=.*[A-Z])(?!.*!).*\\d.*$", minLength: 4, maxLength: 6 },
    matches: ['"aA1b"', '"1A____"'],
    refuses: ['"aa1a"', '"A1"', '"aA1bcde"', '"A1!!"'],
  },
  "integers within bounds": {
    schema: { type: "integer", minimum: -5, exclusiveMaximum: 1235 },
    matches: ["-5", "-1", "0", "7", "99", "999", "1000", "1234"],
    refuses: ["-6", "1235", "2000", "10000", "-0", "-10", "1.0", "1e2", "007"],
  },
  "integers with one bound": {
    schema: {
      anyOf: [
        { type: "integer", minimum: 20 },
        { type: "integer", maximum: -20 },
      ],
    },
    matches: ["20", "21", "30", "100", "123456789012345678", "-20", "-99", "-100"],
    refuses: ["19", "2", "0", "-19", "-1"],
  },
  "multiples within bounds": {
    schema: { type: "integer", minimum: -3, maximum: 9, multipleOf: 3 },
    matches: ["-3", "0", "3", "6", "9"],
    refuses: ["-2", "1", "12"],
  },
  "numbers within bounds": {
    schema: { type: "number", minimum: -0.25, maximum: 12.5 },
    matches: [
      "-0.25",
      "-0.2",
      "-0.0",
      "0",
      "0.1",
      "1",
      "9.999",
      "11.7",
      "12",
      "12.0",
      "12.49",
      "12.5",
      "12.50",
    ],
    refuses: ["-0.26", "-0.3", "-1", "12.51", "12.6", "13", "100", "1e1"],
  },
  "numbers strictly within bounds": {
    schema: { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 },
    matches: ["0.1", "0.0001", "0.99", "0.900"],
    refuses: ["0", "0.0", "0.00", "1", "1.0", "-0.1"],
  },
  "numbers in decimal steps": {
    schema: { type: "number", multipleOf: 0.01, minimum: 0 },
    matches: ["0", "12.3", "12.34"],
    refuses: ["12.345", "-1"],
  },
  "doubles, none infinite": {
    schema: { type: "number" },
    matches: ["0", "-1.5", "1e300", "2.5E-7", "1.7e+20", "123456789.123456789"],
    refuses: ["1e309", "12e5", "1.", ".5", "+1", "0x1", "NaN", "01"],
  },
  "dates, leap years included": {
    schema: { type: "string", format: "date" },
    matches: ['"2024-02-29"', '"2000-02-29"', '"2023-12-31"'],
    refuses: ['"2023-02-29"', '"1900-02-29"', '"2023-13-01"', '"2023-04-31"', '"2023-1-1"'],
  },
  "date-time, time, uuid, ipv4": {
    schema: {
      anyOf: ["date-time", "time", "uuid", "ipv4"].map((format) => ({ type: "string", format })),
    },
    matches: [
      '"2024-02-29T23:59:59Z"',
      '"2024-01-01T00:00:00.123+01:00"',
      '"10:00:00Z"',
      '"123e4567-e89b-12d3-a456-426614174000"',
      '"192.168.0.255"',
    ],
    refuses: ['"2024-02-29 23:59:59Z"', '"24:00:00Z"', '"123e4567"', '"192.168.0.256"', '"1.2.3"'],
  },
  "email, hostname, ipv6, uri, duration, json-pointer": {
    schema: {
      anyOf: ["email", "hostname", "ipv6", "uri", "duration", "json-pointer"].map((format) => ({
        type: "string",
        format,
      })),
    },
    matches: [
      '"jo.doe+x@example.co.uk"',
      '"a-b.example"',
      '"::1"',
      '"2001:db8::ff00:42:8329"',
      '"::ffff:1.2.3.4"',
      '"https://u@example.org:8080/a/b?c=%20#d"',
      '"urn:isbn:1"',
      '"P1Y2M3DT4H5M6S"',
      '"P3W"',
      '"/a~0/b"',
    ],
    refuses: ['"@x"', '"jo@"', '"-a"', '"1::2::3"', '":::"', '"http://[::1"', '"/~2"', '"a b"'],
  },
  "recursion through $defs": {
    schema: { $ref: "#/$defs/node", $defs: { node: NODE } },
    matches: ['{"v":1,"next":null}', '{"v":1,"next":{"v":2,"next":{"v":3,"next":null}}}'],
    refuses: ['{"v":1}', '{"v":1,"next":{"v":2}}'],
  },
  "recursion through # and definitions, escapes in pointers": {
    schema: {
      type: "object",
      properties: { child: { $ref: "#" }, leaf: { $ref: "#/definitions/a~1b%20c" } },
      additionalProperties: false,
      definitions: { "a/b c": { $anchor: "here", type: "integer" }, d: { $ref: "#here" } },
    },
    matches: ["{}", '{"child":{"child":{}},"leaf":1}'],
    refuses: ['{"leaf":"x"}', '{"child":1}'],
  },
  "recursive alternatives that their first property tells apart": {
    schema: {
      $defs: {
        term: {
          anyOf: [
            {
              type: "object",
              properties: {
                op: { enum: ["add", "mul"] },
                args: { type: "array", items: { $ref: "#/$defs/term" } },
              },
              required: ["op", "args"],
            },
            {
              type: "object",
              properties: { op: { const: "neg" }, of: { $ref: "#/$defs/term" } },
              required: ["op", "of"],
            },
            { type: "object", properties: { value: { type: "number" } }, required: ["value"] },
          ],
        },
      },
      $ref: "#/$defs/term",
    },
    strict: true,
    matches: ['{"op":"add","args":[{"value":1},{"op":"neg","of":{"value":2}}]}'],
    refuses: ['{"op":"neg","args":[]}', '{"op":"sub","args":[]}'],
  },
  "a way that could never end is left out": {
    schema: {
      $defs: {
        endless: { type: "object", properties: { in: { $ref: "#/$defs/endless" } }, required: ["in"] },
      },
      anyOf: [{ type: "null" }, { $ref: "#/$defs/endless" }],
    },
    matches: ["null"],
    refuses: ['{"in":null}'],
  },
  "any JSON": {
    schema: {},
    matches: ["1", '{"a":[1, 2.5e3, "x"]}', "[]", "{}", "null"],
    refuses: ["", " 1", "1 ", "{a:1}", "[1,]", "nul"],
  },
  "keywords that say which type is meant where none is stated": {
    schema: { properties: { a: { items: { type: "integer" } } }, required: ["a"] },
    matches: ['{"a":[1]}'],
    refuses: ["1", '{"a":1}'],
  },
};

describe("the grammar of a schema", () => {
  it.each(Object.entries(CASES))("%s", async (_, { schema, strict, matches, refuses }) => {
    const { gbnf, validate } = schemaGrammar(schema, { strict });
    const matcher = await createMatcher(gbnf);
    expect(matches.filter((text) => !matcher.matches(text))).toEqual([]);
    expect(refuses.filter((text) => matcher.matches(text))).toEqual([]);
    expect(matches.flatMap((text) => validate(JSON.parse(text)))).toEqual([]);
  });
});

describe("what a grammar cannot say is validated", () => {
  it.each([
    ["uniqueItems", { type: "array", uniqueItems: true }, [1, 1], "#"],
    ["contains", { type: "array", contains: { type: "integer" } }, ["a"], "#"],
    ["multipleOf", { type: "integer", multipleOf: 7 }, 15, "#"],
    [
      "not",
      { type: "object", properties: { a: { type: "string", not: { const: "x" } } } },
      { a: "x" },
      "#/a",
    ],
    ["oneOf", { oneOf: [{ type: "integer" }, { type: "number" }] }, 1, "#"],
    ["maxLength", { type: "string", maxLength: 5000 }, "x".repeat(5001), "#"],
    ["maxItems", { type: "array", maxItems: 5000 }, Array.from({ length: 5001 }, () => 1), "#"],
    ["maxProperties", { type: "object", properties: { a: {} }, maxProperties: 1 }, { a: 1, b: 1 }, "#"],
    ["dependentRequired", { type: "object", dependencies: { a: ["b"] } }, { a: 1 }, "#"],
    ["not", { type: "array", items: { not: { pattern: "^b" } } }, ["ab", "ba"], "#/1"],
    ["contains", { type: "array", contains: { format: "ipv4" } }, ["1.2.3"], "#"],
  ])("%s", async (keyword, schema, value, path) => {
    const { gbnf, validate } = schemaGrammar(schema);
    expect((await createMatcher(gbnf)).matches(JSON.stringify(value))).toBe(true);
    expect(validate(value)).toContainEqual({ path, message: expect.stringContaining(`'${keyword}'`) });
  });

  it("takes no longer for a pattern on which a backtracking engine never ends", () => {
    const { validate } = schemaGrammar({ type: "string", pattern: "^(?:(?:a|aa)+c|(?:a|aa)+)$" });
    expect(validate("a".repeat(5_000))).toEqual([]);
    expect(validate(`${"a".repeat(5_000)}b`)).toHaveLength(1);
  });

  it("says so where a value is nested too deeply", () => {
    const { validate } = schemaGrammar({
      $defs: { list: { type: "array", items: { $ref: "#/$defs/list" } } },
      $ref: "#/$defs/list",
    });
    const value = JSON.parse("[".repeat(50_000) + "]".repeat(50_000));
    expect(validate(value)).toEqual([{ path: "#", message: "is nested too deeply to be checked" }]);
  });
});

describe("a schema that cannot be honoured is refused by name", () => {
  const nested = (levels: number): unknown => (levels === 0 ? {} : { items: nested(levels - 1) });
  it.each<[string, unknown, { path: string; keyword: string; message: RegExp; strict?: boolean }]>([
    ["no schema", "x", { path: "#", keyword: "", message: /is no JSON Schema/ }],
    [
      "an unknown type",
      { type: "dict" },
      { path: "#", keyword: "type", message: /"dict" is none of JSON Schema/ },
    ],
    [
      "a keyword of the wrong shape",
      { properties: { a: { required: true } } },
      { path: "#/properties/a", keyword: "required", message: /list of property names/ },
    ],
    ["a count that is none", { minItems: -1 }, { path: "#", keyword: "minItems", message: /whole number/ }],
    [
      "a reference out of the schema",
      { items: { $ref: "https://example.org/s.json" } },
      { path: "#/items", keyword: "$ref", message: /leads out of the schema/ },
    ],
    ["a reference to nothing", { $ref: "#/$defs/a" }, { path: "#", keyword: "$ref", message: /nothing/ }],
    [
      "a reference to itself",
      { $ref: "#/$defs/a", $defs: { a: { anyOf: [{ type: "null" }, { $ref: "#/$defs/a" }] } } },
      { path: "#/$defs/a", keyword: "$ref", message: /refers to itself/ },
    ],
    [
      "a dynamic reference",
      { $dynamicRef: "#a" },
      { path: "#", keyword: "$dynamicRef", message: /use '\$ref'/ },
    ],
    [
      "a backreference",
      { properties: { a: { pattern: "(a)\\1" } } },
      { path: "#/properties/a", keyword: "pattern", message: /backreference.*check it in your own code/ },
    ],
    ["a word boundary", { pattern: "\\ba" }, { path: "#", keyword: "pattern", message: /word boundary/ }],
    ["a lookbehind", { pattern: "(?<=a)b" }, { path: "#", keyword: "pattern", message: /lookbehind/ }],
    [
      "a lookahead in the middle",
      { pattern: "a(?=b)" },
      { path: "#", keyword: "pattern", message: /lookahead/ },
    ],
    [
      "a broken pattern",
      { pattern: "[a" },
      { path: "#", keyword: "pattern", message: /no regular expression/ },
    ],
    [
      "a pattern that is only validated",
      { not: { pattern: "(a)\\1" } },
      { path: "#/not", keyword: "pattern", message: /backreference/ },
    ],
    ["no value left", { type: "string", enum: [1] }, { path: "#", keyword: "", message: /contradict/ }],
    [
      "no way to end",
      { properties: { a: { $ref: "#" } }, required: ["a"] },
      { path: "#", keyword: "", message: /finite/ },
    ],
    [
      "an unknown keyword, strictly",
      { strict: 1 },
      { path: "#", keyword: "strict", message: /no keyword/, strict: true },
    ],
    [
      "an unknown format, strictly",
      { format: "cuid" },
      { path: "#", keyword: "format", message: /'cuid' is not enforced/, strict: true },
    ],
    [
      "too many levels",
      nested(70),
      { path: `#${"/items".repeat(65)}`, keyword: "", message: /more than 64 levels/ },
    ],
    [
      "too many subschemas",
      { properties: Object.fromEntries(Array.from({ length: 5_001 }, (_, i) => [`p${i}`, {}])) },
      { path: "#/properties/p4999", keyword: "", message: /more than 5000 subschemas/ },
    ],
    [
      "too many values",
      { enum: Array.from({ length: 2_001 }, (_, i) => i) },
      { path: "#", keyword: "enum", message: /more than 2000 values/ },
    ],
    [
      "too many ways",
      { allOf: Array.from({ length: 9 }, () => ({ anyOf: [{ minimum: 1 }, { minimum: 2 }] })) },
      { path: "#", keyword: "", message: /more than 256 ways/ },
    ],
    ["too long a string", { minLength: 2_001 }, { path: "#", keyword: "minLength", message: /above 2000/ }],
    ["too long an array", { minItems: 2_001 }, { path: "#", keyword: "minItems", message: /above 2000/ }],
    [
      "a pattern that explodes",
      { pattern: "^(?:a|b)*a(?:a|b){14}$" },
      { path: "#", keyword: "pattern", message: /more than 3000 states/ },
    ],
    [
      "counts inside counts",
      { pattern: "^(?:(?:a{99}){99}){99}$" },
      { path: "#", keyword: "pattern", message: /more than 3000 states/ },
    ],
    [
      "too many patterns of names",
      { patternProperties: { a: {}, b: {}, c: {}, d: {} } },
      { path: "#", keyword: "patternProperties", message: /more than 3 patterns/ },
    ],
    [
      "alternatives that begin alike and refer to themselves",
      {
        $defs: {
          node: {
            anyOf: ["x", "y"].map((name) => ({
              type: "object",
              properties: { child: { $ref: "#/$defs/node" }, [name]: { type: "integer" } },
            })),
          },
        },
        $ref: "#/$defs/node",
      },
      {
        path: "#/$defs/node/anyOf/0",
        keyword: "",
        message: /more than 64 ways at once.*'const' of its own/,
      },
    ],
    [
      "a grammar that explodes",
      {
        allOf: Array.from({ length: 16 }, (_, i) => ({
          type: "object",
          properties: Object.fromEntries(
            Array.from({ length: 16 }, (_, j) => [`p${j}`, j === i ? {} : { $ref: `#/allOf/${i}` }]),
          ),
        })),
      },
      { path: "#", keyword: "", message: /more than 10000 rules/ },
    ],
  ])("%s", (_, schema, { strict, ...expected }) => {
    let thrown: unknown;
    try {
      schemaGrammar(schema, { strict });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(UnsupportedSchema);
    const { path, keyword, message } = thrown as UnsupportedSchema;
    expect({ path, keyword, message }).toEqual({
      ...expected,
      message: expect.stringMatching(expected.message),
    });
  });

  it("ignores, where it is not strict, what JSON Schema ignores", () => {
    expect(() => schemaGrammar({ type: "string", format: "cuid", foo: 1 })).not.toThrow();
  });

  it("nests few brackets, which llama.cpp reads by recursion", async () => {
    const { gbnf } = schemaGrammar({
      type: "array",
      prefixItems: Array.from({ length: 1_000 }, () => ({ type: "string", pattern: "^(?:ab?){60}$" })),
    });
    const depths = Array.from(gbnf.matchAll(/[()]/g), ([bracket]) => (bracket === "(" ? 1 : -1));
    let depth = 0;
    expect(Math.max(...depths.map((change) => (depth += change)))).toBeLessThan(100);
  });

  it("takes a schema near the limits", async () => {
    const { gbnf } = schemaGrammar({
      type: "object",
      properties: Object.fromEntries(
        Array.from({ length: 1_000 }, (_, i) => [`property_${i}`, { enum: ["a", "b"], description: "x" }]),
      ),
      additionalProperties: false,
    });
    expect((await createMatcher(gbnf)).matches('{"property_3":"a","property_999":"b"}')).toBe(true);
  });
});
