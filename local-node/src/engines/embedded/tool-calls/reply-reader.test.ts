import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createReplyReader, type ReplyPart, type Thinking } from "./reply-reader.ts";
import { GENERIC_SYNTAX, type ToolSyntax, writeCalls } from "./syntax.ts";
import { callsIn, SYNTAXES, TOOLS } from "./test-syntaxes.ts";
import type { NamedTool } from "./tools.ts";

interface Read {
  content: string;
  reasoning: string;
  calls: { id: string; name: string; arguments: string }[];
}

function readAll(parts: ReplyPart[]): Read {
  const read: Read = { content: "", reasoning: "", calls: [] };
  for (const part of parts) {
    if (part.type === "content") read.content += part.text;
    else if (part.type === "reasoning") read.reasoning += part.text;
    else if (part.type === "call") read.calls.push({ id: part.id, name: part.name, arguments: "" });
    else {
      const current = read.calls[part.index];
      if (current !== undefined) current.arguments += part.text;
    }
  }
  return read;
}

function read(
  syntax: ToolSyntax,
  pieces: string[],
  options: { thinking?: Thinking; tools?: ReadonlyMap<string, NamedTool> } = {},
) {
  let ids = 0;
  const reader = createReplyReader({
    syntax,
    tools: options.tools ?? TOOLS,
    thinking: options.thinking ?? null,
    newId: () => `call_${ids++}`,
  });
  const parts = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.flush()];
  return { ...readAll(parts), parts };
}

const parsed = (calls: Read["calls"]) =>
  calls.map(({ name, arguments: text }) => ({ name, arguments: JSON.parse(text) }));

/** Cuts a text at these places. */
function cut(text: string, places: number[]): string[] {
  const sorted = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((start, index) => text.slice(start, sorted[index] ?? text.length));
}

const places = fc.array(fc.nat(400), { maxLength: 40 });

describe.each(Object.entries(SYNTAXES))("a reply in the syntax of %s", (_, syntax) => {
  it("gives its calls, however it is cut, and the text in front of them", () => {
    fc.assert(
      fc.property(callsIn(syntax), places, fc.constantFrom("", "I look it up.\n\n"), (made, cuts, front) => {
        const before = syntax === SYNTAXES.llama ? "" : front;
        const reply = read(syntax, cut(before + writeCalls(syntax, made), cuts));
        expect(reply.content).toBe(before.trim());
        expect(parsed(reply.calls)).toEqual(
          made.map(({ name, arguments: args }) => ({ name, arguments: args })),
        );
        expect(new Set(reply.calls.map(({ id }) => id)).size).toBe(made.length);
      }),
    );
  });

  it("gives what came of calls that were cut off, and no markup as text", () => {
    fc.assert(
      fc.property(callsIn(syntax), fc.nat(), ([made], length) => {
        if (made === undefined) throw new Error("no call was made");
        const whole = writeCalls(syntax, [made]);
        const written = whole.slice(0, length % whole.length);
        const reply = read(syntax, [written]);
        expect(reply.content.trim().length).toBeLessThan(whole.indexOf(made.name));
        const [first] = reply.calls;
        if (first === undefined) return;
        expect(first.name).toBe(made.name);
        expect(JSON.stringify(made.arguments)).toMatch(/^\{/);
        expect(["", "{"]).toContain(first.arguments.slice(0, 1));
      }),
    );
  });

  it("leaves what is no call as text", () => {
    const texts = [
      "Just text.",
      "<tool_call> is how it begins.",
      "<tool_call>\n{}",
      '{"name": "Bob"}',
      '{"name": "nobody", "parameters": {}}',
      "[TOOL_CALLS] and more",
      "a < b <",
      writeCalls(syntax, [{ id: "abc123def", name: "unknown_tool", arguments: {} }]),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...texts), places, (written, cuts) => {
        const reply = read(syntax, cut(`${written} end.`, cuts));
        expect(reply).toMatchObject({ content: `${written} end.`, calls: [] });
      }),
    );
  });

  it("knows no calls where there are no tools", () => {
    const written = writeCalls(syntax, [{ id: "a", name: "get_weather", arguments: {} }]);
    expect(read(syntax, [written], { tools: new Map() })).toMatchObject({ content: written, calls: [] });
  });
});

describe("createReplyReader", () => {
  const hermes = (name: string, args: string): string =>
    `<tool_call>\n{"name": "${name}", "arguments": ${args}}\n</tool_call>`;

  it("streams the name first, then the arguments as they come", () => {
    const { parts } = read(GENERIC_SYNTAX, [...hermes("get_weather", '{"text": "a}\\""}')]);
    expect(parts[0]).toEqual({ type: "call", index: 0, id: "call_0", name: "get_weather" });
    expect(parts.slice(1).every((part) => part.type === "arguments")).toBe(true);
    expect(parts.length).toBeGreaterThan(10);
    expect(readAll(parts).calls[0]?.arguments).toBe('{"text": "a}\\""}');
  });

  it("gives a tool its own name back", () => {
    expect(read(GENERIC_SYNTAX, [hermes("ask_me", "{}")]).calls[0]?.name).toBe("ask me");
  });

  it("takes other white space than the template's, and text between calls", () => {
    const reply = read(GENERIC_SYNTAX, [
      'First.\n<tool_call>{"name":"get_weather","arguments":{"count":1}}</tool_call>\n\n',
      'Then.\n<tool_call> { "name" : "do.it" , "arguments" : { } } </tool_call> Done.',
    ]);
    expect(parsed(reply.calls)).toEqual([
      { name: "get_weather", arguments: { count: 1 } },
      { name: "do.it", arguments: {} },
    ]);
    expect(reply.content).toBe("First.Then.Done.");
  });

  it("says where each text stands in the reply", () => {
    const written = `One.\n${hermes("do.it", "{}")}\nTwo.`;
    const { parts } = read(GENERIC_SYNTAX, [...written]);
    const contents = parts.filter((part) => part.type === "content");
    for (const { text, at } of contents) expect(written.slice(at, at + text.length)).toBe(text);
    expect(contents.map(({ text }) => text).join("")).toBe("One.Two.");
  });

  it.each([
    ["{'a': [1, 2.5, True, None, ('x', \"y\")], }", { a: [1, 2.5, true, null, ["x", "y"]] }],
    ["'it\\'s \\x41 \\u00e4 \"quoted\" \\\\ \\n'", 'it\'s A ä "quoted" \\ \n'],
    ["word", "word"],
    ["-1e3", -1000],
  ])("reads Python's literals: %s", (literal, expected) => {
    const lfm = SYNTAXES.lfm as ToolSyntax;
    const reply = read(lfm, [...`<|tool_call_start|>[get_weather(any=${literal})]<|tool_call_end|>`]);
    expect(parsed(reply.calls)).toEqual([{ name: "get_weather", arguments: { any: expected } }]);
  });

  it("reads Gemma's nested values", () => {
    const gemma = SYNTAXES.gemma as ToolSyntax;
    const reply = read(gemma, [
      ...'<|tool_call>call:get_weather{any:{a_b:[<|"|>x, "y"<|"|>,1],c:null},text:<|"|>z<|"|>}<tool_call|>',
    ]);
    expect(parsed(reply.calls)).toEqual([
      { name: "get_weather", arguments: { any: { a_b: ['x, "y"', 1], c: null }, text: "z" } },
    ]);
  });

  it("takes values without quotes for what their schema says", () => {
    const qwen = SYNTAXES.qwen as ToolSyntax;
    const pair = (key: string, value: string): string => `\n<parameter=${key}>\n${value}\n</parameter>`;
    const reply = read(qwen, [
      `<tool_call>\n<function=get_weather>${pair("text", "5")}${pair("count", "5")}${pair("flag", "True")}${pair("any", "null")}${pair("list", '["5"]')}${pair("other", "red")}\n</function>\n</tool_call>`,
    ]);
    expect(parsed(reply.calls)).toEqual([
      {
        name: "get_weather",
        arguments: { text: "5", count: 5, flag: true, any: null, list: ["5"], other: "red" },
      },
    ]);
  });

  describe("with thoughts", () => {
    const tags = { open: "<think>", close: "</think>" };
    it.each([
      [
        { ...tags, begun: false },
        "\n<think>\nHm, <tool_call>.\n</think>\n\nYes.",
        "Hm, <tool_call>.",
        "Yes.",
      ],
      [{ ...tags, begun: true }, "Hm.\n</think>\n\nYes.", "Hm.", "Yes."],
      [{ ...tags, begun: true }, "Hm, cut off", "Hm, cut off", ""],
      [{ ...tags, begun: false }, "Yes. <think>", "", "Yes. <think>"],
      [{ ...tags, begun: false }, "<think></think>Yes.", "", "Yes."],
    ])("tells them from the content: %j %j", (thinking, written, reasoning, content) => {
      fc.assert(
        fc.property(places, (cuts) => {
          expect(read(GENERIC_SYNTAX, cut(written, cuts), { thinking })).toMatchObject({
            reasoning,
            content,
            calls: [],
          });
        }),
      );
    });
  });
});
