import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { agreement, type Said } from "./agreement.ts";

const said = (more: Partial<Said>): Said => ({
  text: "",
  refusal: null,
  calls: [],
  finish: "complete",
  ...more,
});
const call = (name: string, args: unknown) => ({ name, arguments: JSON.stringify(args) });
const SCHEMA = { type: "object", properties: { unit: { type: "string", default: "c" } } };

function compare(reference: Partial<Said>, candidate: Partial<Said>, json = false) {
  return agreement({
    reference: said(reference),
    candidate: said(candidate),
    schemaOf: (name) => (name === "weather" ? SCHEMA : null),
    json,
  });
}

describe("two answers with calls", () => {
  it.each([
    ["the same", [call("f", { a: 1 })], [call("f", { a: 1 })], []],
    ["spaces and key order aside", [call("f", { a: "x y", b: 2 })], [call("f", { b: 2.0, a: " x  y " })], []],
    [
      "a default left out",
      [call("weather", { city: "Bern" })],
      [call("weather", { unit: "c", city: "Bern" })],
      [],
    ],
    ["null for nothing", [call("f", { a: 1 })], [call("f", { a: 1, b: null })], []],
    ["in another order", [call("f", { a: 1 }), call("g", {})], [call("g", {}), call("f", { a: 1 })], []],
    ["another tool", [call("f", {})], [call("g", {})], ["calls[0].name"]],
    ["another value", [call("f", { a: [1, 2] })], [call("f", { a: [1, 3] })], ["calls[0].arguments.a[1]"]],
    ["another type", [call("f", { a: 1 })], [call("f", { a: "1" })], ["calls[0].arguments.a"]],
    ["other letters", [call("f", { a: "/Home" })], [call("f", { a: "/home" })], ["calls[0].arguments.a"]],
    ["one call less", [call("f", {}), call("f", {})], [call("f", {})], ["calls"]],
    ["words instead", [call("f", {})], [], ["calls"]],
    ["a call where none was due", [], [call("f", {})], ["calls"]],
    ["arguments that are no JSON", [call("f", {})], [{ name: "f", arguments: "{" }], ["calls[0].arguments"]],
  ])("%s", (_what, reference, candidate, differs) => {
    const text = reference.length === 0 ? "No need." : "";
    expect(compare({ calls: reference, text }, { calls: candidate, text: "Sure." })).toEqual({
      same: differs.length === 0,
      by: "calls",
      differs,
    });
  });
});

describe("two answers in JSON", () => {
  it("are compared field by field", () => {
    expect(compare({ text: '{"a":1,"b":"x"}' }, { text: ' {"b":"x", "a":1.0}' }, true)).toMatchObject({
      same: true,
    });
    expect(compare({ text: '{"a":1,"b":"x"}' }, { text: '{"a":2,"b":"x"}' }, true)).toEqual({
      same: false,
      by: "json",
      differs: ["text.a"],
    });
  });

  it("that differ and hold prose are left to a judge", () => {
    const prose = "word ".repeat(30);
    expect(compare({ text: JSON.stringify({ a: prose }) }, { text: '{"a":"other"}' }, true).same).toBeNull();
  });
});

describe("two texts", () => {
  it.each([
    ["the same label", "card_lost", " Card_lost. ", true],
    ["a label in quotes", "yes", '"Yes"', true],
    ["another label", "yes", "no", false],
    ["a label with talk around it", "yes", "I think yes, since it rains", false],
    ["the same prose", "a ".repeat(60), "a  ".repeat(60), true],
    ["other prose", "a ".repeat(60), "b ".repeat(60), null],
  ])("%s", (_what, reference, candidate, same) => {
    expect(compare({ text: reference }, { text: candidate }).same).toBe(same);
  });

  it.each([
    ["cut", { text: "Once", finish: "cut" }],
    ["filtered", { text: "", finish: "filtered" }],
    ["empty", {}],
  ] as const)("say nothing where the reference was %s", (_what, reference) => {
    expect(compare(reference, { text: "Once" })).toEqual({ same: null, by: "no_reference" });
  });
});

it("an answer always agrees with itself, and a changed argument never", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue()), fc.string(), (args, extra) => {
      const calls = [call("f", args)];
      expect(compare({ calls }, { calls }).same).toBe(true);
      const changed = [call("f", { ...args, [`${extra}\u0000new`]: "something" })];
      expect(compare({ calls }, { calls: changed }).same).toBe(false);
    }),
  );
});
