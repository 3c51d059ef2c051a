import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMatcher } from "../../grammar/test-matcher.ts";
import { type CallGrammarOptions, callGrammar } from "./call-grammar.ts";
import { GENERIC_SYNTAX, type ToolSyntax, writeCalls } from "./syntax.ts";
import { callsIn, SYNTAXES, TOOLS } from "./test-syntaxes.ts";
import type { NamedTool } from "./tools.ts";

async function matcherFor(options: Partial<CallGrammarOptions> & { syntax: ToolSyntax }) {
  const gbnf = callGrammar({
    tools: [...TOOLS.values()],
    mode: "auto",
    parallel: true,
    thinking: null,
    answer: null,
    ...options,
  });
  return createMatcher(gbnf ?? 'root ::= "no grammar"');
}

describe.each(Object.entries(SYNTAXES))("the grammar of calls in the syntax of %s", (_, syntax) => {
  it("takes all calls that satisfy their schemas, with text in front or not", async () => {
    const auto = await matcherFor({ syntax });
    const required = await matcherFor({ syntax, mode: "required" });
    fc.assert(
      fc.property(callsIn(syntax), (calls) => {
        const written = writeCalls(syntax, calls);
        expect(required.matches(written)).toBe(true);
        expect(auto.matches(written)).toBe(true);
        if (syntax !== SYNTAXES.llama) expect(auto.matches(`I look it up.\n${written}`)).toBe(true);
        expect(required.matches(`I look it up.\n${written}`)).toBe(false);
      }),
      { numRuns: 40 },
    );
  });

  it("takes any text without a call, unless there must be one", async () => {
    const auto = await matcherFor({ syntax });
    const required = await matcherFor({ syntax, mode: "required" });
    for (const text of ["Hello.", "", "a < b\n<b>[x]</b> {}", "[1]", "<", "{"]) {
      expect(auto.matches(text)).toBe(true);
      expect(required.matches(text)).toBe(false);
    }
  });

  const one = (name: string, args: Record<string, unknown>): string =>
    writeCalls(syntax, [{ id: "abc123def", name, arguments: args }]);

  it.each([
    ["an unknown tool", "nobody", {}],
    ["a value of the wrong type", "get_weather", { count: "many" }],
    ["a value that is not listed", "get_weather", { other: "blue" }],
    ["an argument that the schema does not know", "get_weather", { unheard: 1 }],
  ])("does not take a call of %s", async (_, name, args) => {
    const auto = await matcherFor({ syntax });
    expect(auto.matches(one("get_weather", {}))).toBe(true);
    expect(auto.matches(one(name, args))).toBe(false);
  });

  it("takes one call where several are not wanted, and none where none is", async () => {
    const single = await matcherFor({ syntax, parallel: false });
    const calls = [
      { id: "abc123def", name: "do.it", arguments: {} },
      { id: "abc123deg", name: "do.it", arguments: {} },
    ];
    expect(single.matches(writeCalls(syntax, calls.slice(0, 1)))).toBe(true);
    expect(single.matches(writeCalls(syntax, calls))).toBe(false);
    if (syntax === SYNTAXES.llama) return;
    const none = await matcherFor({ syntax, mode: "none" });
    expect(none.matches("Hello < there")).toBe(true);
    expect(none.matches(one("do.it", {}))).toBe(false);
  });

  it("takes thoughts in front, with what looks like calls in them", async () => {
    const tags = { open: "<think>", close: "</think>" };
    const written = one("do.it", {});
    const open = await matcherFor({ syntax, mode: "required", thinking: { ...tags, begun: false } });
    expect(open.matches(`<think>\nOr <tool_call>?\n</think>\n\n${written}`)).toBe(true);
    expect(open.matches(written)).toBe(true);
    const begun = await matcherFor({ syntax, mode: "required", thinking: { ...tags, begun: true } });
    expect(begun.matches(`Hm [TOOL_CALLS].</think>${written}`)).toBe(true);
    expect(begun.matches(written)).toBe(false);
  });
});

describe("callGrammar", () => {
  const tool = (parameters: Record<string, unknown>, strict = false): NamedTool => ({
    name: "f",
    alias: "f",
    description: "",
    parameters,
    strict,
  });
  const hermes = (args: string): string => `<tool_call>\n{"name": "f", "arguments": ${args}}\n</tool_call>`;
  const forTool = (each: NamedTool, syntax = GENERIC_SYNTAX) => matcherFor({ syntax, tools: [each] });

  it("wants required arguments, and lets the others out", async () => {
    const parameters = {
      type: "object",
      properties: { a: { type: "integer" }, b: { type: "string" }, c: { type: "boolean" } },
      required: ["b"],
    };
    const json = await forTool(tool(parameters));
    expect(json.matches(hermes('{"b": "x"}'))).toBe(true);
    expect(json.matches(hermes('{"a": 1, "b": "x", "c": true}'))).toBe(true);
    expect(json.matches(hermes('{"a": 1}'))).toBe(false);
    const lfm = SYNTAXES.lfm as ToolSyntax;
    const python = await forTool(tool(parameters), lfm);
    const call = (args: string): string => `<|tool_call_start|>[f(${args})]<|tool_call_end|>`;
    expect(python.matches(call("b='x'"))).toBe(true);
    expect(python.matches(call("a=1, b='it\\'s', c=true"))).toBe(true);
    expect(python.matches(call("a=1, c=true"))).toBe(false);
    expect(python.matches(call("a=1b='x'"))).toBe(false);
  });

  it("holds arguments to an object where no grammar can say the schema", async () => {
    const parameters = { type: "object", properties: { a: { type: "string", pattern: "(?=x)" } } };
    const matcher = await forTool(tool(parameters));
    expect(matcher.matches(hermes('{"a": 1, "b": []}'))).toBe(true);
    expect(matcher.matches(hermes("[]"))).toBe(false);
    const qwen = SYNTAXES.qwen as ToolSyntax;
    const xml = await forTool(tool({ ...parameters, required: 3 as unknown as string[] }), qwen);
    expect(
      xml.matches("<tool_call>\n<function=f>\n<parameter=a>\nx\n</parameter>\n</function>\n</tool_call>"),
    ).toBe(true);
  });

  it("refuses such a schema where the tool is strict", () => {
    const strict = tool({ type: "object", properties: { a: { type: "string", pattern: "(?=x)" } } }, true);
    const refused = (syntax: ToolSyntax) => () =>
      callGrammar({ syntax, tools: [strict], mode: "auto", parallel: true, thinking: null, answer: null });
    for (const syntax of [GENERIC_SYNTAX, SYNTAXES.qwen as ToolSyntax]) {
      expect(refused(syntax)).toThrow(
        expect.objectContaining({ status: 400, code: "invalid_json_schema", param: "tools" }),
      );
    }
  });

  it("takes an answer of the wanted form in the place of a call", async () => {
    const matcher = await matcherFor({
      syntax: GENERIC_SYNTAX,
      answer: (rules) => rules.addSchema({ enum: ["yes", "no"] }),
    });
    expect(matcher.matches('"yes"')).toBe(true);
    expect(matcher.matches("yes")).toBe(false);
    expect(matcher.matches(`<tool_call>\n{"name": "do.it", "arguments": {}}\n</tool_call>`)).toBe(true);
  });

  it("follows references and alternatives in values without quotes", async () => {
    const parameters = {
      type: "object",
      properties: {
        colour: { $ref: "#/$defs/colour" },
        size: { anyOf: [{ type: "integer" }, { enum: ["small", "large"] }] },
        note: { type: ["string", "null"] },
      },
      required: ["colour", "size", "note"],
      $defs: { colour: { enum: ["red", "green"] } },
    };
    const qwen = SYNTAXES.qwen as ToolSyntax;
    const matcher = await forTool(tool(parameters), qwen);
    const call = (...values: string[]): string => {
      const pairs = ["colour", "size", "note"].map(
        (key, index) => `\n<parameter=${key}>\n${values[index]}\n</parameter>`,
      );
      return `<tool_call>\n<function=f>${pairs.join("")}\n</function>\n</tool_call>`;
    };
    expect(matcher.matches(call("red", "5", "null"))).toBe(true);
    expect(matcher.matches(call("green", "small", "some text"))).toBe(true);
    expect(matcher.matches(call("red", "medium", "x"))).toBe(false);
  });
});
