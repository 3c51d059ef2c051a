import type { ToolSyntax } from "./syntax.ts";

const NAME = { slot: "name" } as const;

/** Liquid AI's documentation of LFM2: Python calls between control tokens that its templates do not write. */
const LFM2: ToolSyntax = {
  start: "<|tool_call_start|>[",
  open: [NAME, "("],
  pairs: {
    before: "",
    between: { text: "=", other: "=" },
    after: "",
    separator: ", ",
    quote: '"',
    sorted: false,
  },
  close: [")"],
  separator: ", ",
  end: "]<|tool_call_end|>",
  several: true,
};

/** What the templates of Granite 3 tell their models to write. */
const GRANITE_3: ToolSyntax = {
  start: "<|tool_call|>[",
  open: ['{"name": "', NAME, '", "arguments": '],
  pairs: null,
  close: ["}"],
  separator: ", ",
  end: "]",
  several: true,
};

/** The syntax that a model is known for by a control token, where its template shows none in the history; null: none. */
export function declaredSyntax(controlTexts: readonly string[]): ToolSyntax | null {
  if (controlTexts.includes("<|tool_call_start|>")) return LFM2;
  return controlTexts.includes("<|tool_call|>") ? GRANITE_3 : null;
}
