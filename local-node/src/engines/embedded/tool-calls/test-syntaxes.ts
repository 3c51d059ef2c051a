import fc from "fast-check";
import type { ToolCall } from "../../chat-messages.ts";
import { GENERIC_SYNTAX, type PairSyntax, type ToolSyntax } from "./syntax.ts";
import type { NamedTool } from "./tools.ts";

const NAME = { slot: "name" } as const;
const ID = { slot: "id" } as const;
const call = (
  pairs: PairSyntax | null,
  open: ToolSyntax["open"],
  close: ToolSyntax["close"],
): ToolSyntax => ({
  start: "",
  open,
  pairs,
  close,
  separator: "",
  end: "",
  several: true,
});
const bare = (before: string, middle: string, after: string): PairSyntax => ({
  before,
  between: { text: middle, other: middle },
  after,
  separator: "",
  quote: null,
  sorted: false,
});

/** One of each kind, as `derive-syntax.test.ts` shows that templates have them. */
export const SYNTAXES: Record<string, ToolSyntax> = {
  hermes: GENERIC_SYNTAX,
  llama: { ...call(null, ['{"name": "', NAME, '", "parameters": '], ["}"]), several: false },
  mistral: call(null, ["[TOOL_CALLS]", NAME, "[ARGS]"], []),
  nemo: {
    ...call(null, ['{"name": "', NAME, '", "arguments": '], [', "id": "', ID, '"}']),
    start: "[TOOL_CALLS][",
    separator: ", ",
    end: "]",
  },
  functionary: call(null, ["<function=", NAME, ">"], ["</function>"]),
  qwen: {
    ...call(
      bare("\n<parameter=", ">\n", "\n</parameter>"),
      ["<tool_call>\n<function=", NAME, ">"],
      ["\n</function>\n</tool_call>"],
    ),
    separator: "\n",
  },
  glm: call(
    bare("\n<arg_key>", "</arg_key>\n<arg_value>", "</arg_value>"),
    ["<tool_call>", NAME],
    ["\n</tool_call>"],
  ),
  gemma: call(
    {
      before: "",
      between: { text: ":", other: ":" },
      after: "",
      separator: ",",
      quote: '<|"|>',
      sorted: true,
    },
    ["<|tool_call>call:", NAME, "{"],
    ["}<tool_call|>"],
  ),
  lfm: {
    ...call(
      {
        before: "",
        between: { text: "=", other: "=" },
        after: "",
        separator: ", ",
        quote: "'",
        sorted: false,
      },
      [NAME, "("],
      [")"],
    ),
    start: "<|tool_call_start|>[",
    separator: ", ",
    end: "]<|tool_call_end|>",
  },
};

export const PARAMETERS = {
  type: "object",
  properties: {
    text: { type: "string" },
    other: { $ref: "#/$defs/text" },
    count: { type: "integer" },
    flag: { type: "boolean" },
    list: { type: "array", items: {} },
    nested: { type: "object" },
    any: {},
  },
  $defs: { text: { enum: ["red", "green"] } },
};
const tool = (name: string, alias = name): NamedTool => ({
  name,
  alias,
  description: "",
  parameters: PARAMETERS,
  strict: false,
});
export const TOOLS = new Map(
  [tool("get_weather"), tool("do.it", "do.it"), tool("ask me", "ask_me")].map((each) => [each.alias, each]),
);

/** Without the largest numbers, which grammars leave out. */
const json = fc
  .jsonValue({ maxDepth: 2 })
  .filter((value) => !/e\+30[89]/.test(JSON.stringify(value)))
  .map((value) => JSON.parse(JSON.stringify(value)));

/** Calls of the tools that a syntax can write: not every text can stand in every one. */
export function callsIn(syntax: ToolSyntax): fc.Arbitrary<ToolCall[]> {
  /** Texts without quotes stand as they are: up to the tag behind them, and without white space around them. */
  const text =
    syntax.pairs !== null && syntax.pairs.quote === null
      ? fc.string({ unit: "grapheme" }).map((value) => value.replaceAll("<", "[").trim())
      : fc
          .string({ unit: "grapheme" })
          .map((value) => value.replaceAll('<|"|>', "").replace(/[\p{Cc}\\]/gu, "/"));
  const values = fc.record(
    {
      text,
      other: fc.constantFrom("red", "green"),
      count: fc.integer(),
      flag: fc.boolean(),
      list: fc.array(json, { maxLength: 3 }),
      nested: fc.dictionary(fc.string({ minLength: 1 }), json, { maxKeys: 3 }),
      any: fc.oneof(fc.boolean(), fc.integer(), fc.constant(null)),
    },
    { requiredKeys: [] },
  );
  const call: fc.Arbitrary<ToolCall> = fc.record({
    id: fc.constant("abc123def"),
    name: fc.constantFrom("get_weather", "do.it"),
    arguments: values,
  });
  return fc.array(call, { minLength: 1, maxLength: syntax.several ? 3 : 1 });
}
