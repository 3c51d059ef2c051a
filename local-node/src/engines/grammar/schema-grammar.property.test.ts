import { type Schema, Validator } from "@cfworker/json-schema";
import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { schemaGrammar } from "./schema-grammar.ts";
import { createMatcher } from "./test-matcher.ts";

vi.setConfig({ testTimeout: 300_000 });

/** A schema of which a grammar can say every keyword, and values that satisfy it. */
interface Sample {
  schema: object;
  values: fc.Arbitrary<unknown>;
}

const name = fc.oneof(
  fc.constantFrom("a", "b", "ab", "name", "x-1", 'q"\\', "\u0000é"),
  fc.string({ unit: "binary", minLength: 1, maxLength: 4 }),
);
const json = fc.jsonValue({ maxDepth: 2, stringUnit: "binary" }).filter(isWritable);

/** No number beyond 1e308 (docs/structured-output.md). */
function isWritable(value: unknown): boolean {
  return !/e\+308/.test(JSON.stringify(value));
}

const strings: fc.Arbitrary<Sample> = fc.oneof(
  fc.constant({ schema: { type: "string" }, values: fc.string({ unit: "binary", maxLength: 12 }) }),
  fc.tuple(fc.nat(4), fc.nat(6)).map(([minLength, more]) => ({
    schema: { type: "string", minLength, maxLength: minLength + more },
    values: fc.string({ unit: "binary", minLength, maxLength: minLength + more }),
  })),
  fc
    .constantFrom(
      "^[a-c]+$",
      "x|yz",
      "^\\d{2,3}-[^a]$",
      "^(?:ab?)*$",
      '["\\\\\\n]',
      "^\\w\\s\\W$",
      "^$",
      "^\\p{Lu}.?",
      "^(a|bc)?$|d$",
    )
    .map((pattern) => ({
      schema: { type: "string", pattern },
      values: fc.stringMatching(new RegExp(pattern, "u")).filter((text) => text.isWellFormed()),
    })),
);

const bounds = fc
  .tuple(
    fc.integer({ min: -2_000, max: 2_000 }),
    fc.integer({ min: 1, max: 3_000 }),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([low, more, openLow, openHigh]) => ({ low, high: low + more, openLow, openHigh }));

const numbers: fc.Arbitrary<Sample> = fc.oneof(
  fc.constant({ schema: { type: "number" }, values: fc.double({ noNaN: true, min: -1e307, max: 1e307 }) }),
  fc.constant({ schema: { type: "integer" }, values: fc.maxSafeInteger() }),
  bounds.map(({ low, high, openLow, openHigh }) => ({
    schema: {
      type: "integer",
      ...(openLow ? {} : { minimum: low }),
      ...(openHigh ? {} : { maximum: high }),
    },
    values: fc.integer({ min: openLow ? high - 5_000 : low, max: openHigh ? low + 5_000 : high }),
  })),
  bounds.map(({ low, high, openLow, openHigh }) => ({
    schema: {
      type: "number",
      ...(openLow ? { exclusiveMinimum: low / 100 } : { minimum: low / 100 }),
      ...(openHigh ? { exclusiveMaximum: (high + 1) / 100 } : { maximum: high / 100 }),
    },
    values: fc
      .integer({ min: openLow ? low * 10 + 1 : low * 10, max: openHigh ? high * 10 + 9 : high * 10 })
      .map((thousandths) => thousandths / 1000),
  })),
);

const constants: fc.Arbitrary<Sample> = fc.oneof(
  fc.constant({ schema: { type: "boolean" }, values: fc.boolean() }),
  fc.constant({ schema: { type: ["null", "boolean"] }, values: fc.constantFrom(null, true) }),
  json.map((value) => ({ schema: { const: value }, values: fc.constant(value) })),
  fc
    .array(json, { minLength: 1, maxLength: 5 })
    .map((values) => ({ schema: { enum: values }, values: fc.constantFrom(...values) })),
  fc.constant({ schema: {}, values: json }),
);

function arrays(inner: fc.Arbitrary<Sample>): fc.Arbitrary<Sample> {
  return fc.oneof(
    fc.tuple(inner, fc.nat(3), fc.nat(3)).map(([item, minItems, more]) => ({
      schema: { type: "array", items: item.schema, minItems, maxItems: minItems + more },
      values: fc.array(item.values, { minLength: minItems, maxLength: minItems + more }),
    })),
    fc
      .tuple(fc.array(inner, { minLength: 1, maxLength: 3 }), inner, fc.boolean())
      .map(([first, item, closed]) => ({
        schema: {
          type: "array",
          prefixItems: first.map(({ schema }) => schema),
          items: closed ? false : item.schema,
        },
        values: fc
          .tuple(
            fc.tuple(...first.map(({ values }) => values)),
            fc.nat(first.length),
            fc.array(item.values, { maxLength: 2 }),
          )
          .map(([all, count, more]) => (closed ? all.slice(0, count) : [...all, ...more])),
      })),
  );
}

function objects(inner: fc.Arbitrary<Sample>): fc.Arbitrary<Sample> {
  const property = fc.record({ name, sample: inner, required: fc.boolean() });
  return fc
    .tuple(fc.uniqueArray(property, { maxLength: 5, selector: (entry) => entry.name }), fc.option(inner))
    .map(([properties, others]) => ({
      schema: {
        type: "object",
        // Names that are numbers come first in JavaScript; a schema from JSON has them in that order too.
        properties: Object.fromEntries(properties.map((entry) => [entry.name, entry.sample.schema])),
        required: properties.filter(({ required }) => required).map((entry) => entry.name),
        additionalProperties: others === null ? false : others.schema,
      },
      values: fc
        .tuple(
          fc.record(Object.fromEntries(properties.map((entry) => [entry.name, entry.sample.values])), {
            requiredKeys: properties.filter(({ required }) => required).map((entry) => entry.name),
          }),
          others === null
            ? fc.constant([])
            : fc.array(
                fc.tuple(
                  fc.string({ unit: "binary", maxLength: 5 }).map((each) => `~${each}`),
                  others.values,
                ),
                { maxLength: 2 },
              ),
        )
        .map(([named, more]) =>
          Object.fromEntries([
            ...properties
              .filter((entry) => Object.hasOwn(named, entry.name))
              .map((entry) => [entry.name, named[entry.name]] as const),
            ...more.filter(([other]) => !properties.some((entry) => entry.name === other)),
          ]),
        ),
    }));
}

function combinations(inner: fc.Arbitrary<Sample>): fc.Arbitrary<Sample> {
  return fc.oneof(
    fc.array(inner, { minLength: 1, maxLength: 3 }).map((samples) => ({
      schema: { anyOf: samples.map(({ schema }) => schema) },
      values: fc.oneof(...samples.map(({ values }) => values)),
    })),
    inner.map(({ schema, values }) => ({ schema: { allOf: [schema, {}, schema] }, values })),
    inner.map(({ schema, values }) => ({ schema: { $ref: "#/$defs/it", $defs: { it: schema } }, values })),
  );
}

function samples(depth: number): fc.Arbitrary<Sample> {
  const leaves = fc.oneof(strings, numbers, constants);
  if (depth === 0) return leaves;
  const inner = samples(depth - 1);
  // A `$ref` is resolved from the root, so that it stands only there.
  const nested = fc.oneof(arrays(inner), objects(inner));
  return fc.oneof(leaves, nested, nested);
}

const rooted = fc.oneof(samples(2), combinations(samples(2)));

it("matches the compact JSON of every valid value", async () => {
  await fc.assert(
    fc.asyncProperty(rooted, fc.gen(), async ({ schema, values }, generate) => {
      const { gbnf, validate } = schemaGrammar(schema);
      const matcher = await createMatcher(gbnf);
      for (let count = 0; count < 5; count++) {
        const value = generate(() => values);
        const compact = JSON.stringify(value);
        expect({ compact, matched: matcher.matches(compact) }).toEqual({ compact, matched: true });
        expect(validate(JSON.parse(compact))).toEqual([]);
      }
    }),
    { numRuns: 300 },
  );
});

it("matches nothing but valid JSON", async () => {
  await fc.assert(
    fc.asyncProperty(rooted, samples(2), fc.gen(), async ({ schema, values }, other, generate) => {
      const { gbnf, validate } = schemaGrammar(schema);
      const matcher = await createMatcher(gbnf);
      const oracle = new Validator(structuredClone(schema) as Schema, "2020-12");
      for (let count = 0; count < 5; count++) {
        const near = mutate(
          JSON.stringify(generate(() => values)),
          generate(() => fc.nat()),
          generate(() => fc.nat()),
        );
        for (const candidate of [near, JSON.stringify(generate(() => other.values))]) {
          if (!matcher.matches(candidate)) continue;
          const value: unknown = JSON.parse(candidate);
          expect({ candidate, valid: oracle.validate(value).valid }).toEqual({ candidate, valid: true });
          expect(validate(value)).toEqual([]);
        }
      }
    }),
    { numRuns: 300 },
  );
});

/** One character removed, doubled or replaced. */
function mutate(text: string, where: number, how: number): string {
  const characters = Array.from(text);
  const at = where % characters.length;
  const replacements = [
    "",
    `${characters[at]}${characters[at]}`,
    "0",
    "1",
    '"',
    ",",
    "a",
    "\\",
    " ",
    "\n",
    "{",
    "]",
    ".",
  ];
  characters[at] = replacements[how % replacements.length] ?? "";
  return characters.join("");
}
