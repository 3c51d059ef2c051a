import { toJson } from "./to-json.ts";
import type { TemplateTool } from "./traits.ts";

/**
 * How tools are told to a model whose template does not know them: a section of the system message that describes
 * them, calls as JSON between `<tool_call>` tags, results between `<tool_response>` tags. It is the most widely
 * trained syntax (Hermes, Qwen), and what models that never saw tools copy best.
 */
export function describeTools(tools: readonly TemplateTool[]): string {
  return [
    "# Tools",
    "",
    "You may call one or more of these functions. Each line is the signature of one, in JSON:",
    "<tools>",
    ...tools.map(toJson),
    "</tools>",
    "",
    "To call functions, end your answer with one JSON object for each call, between <tool_call> tags:",
    "<tool_call>",
    '{"name": "<name of the function>", "arguments": {<its arguments>}}',
    "</tool_call>",
  ].join("\n");
}

export function describeResult(content: string): string {
  return `<tool_response>\n${content}\n</tool_response>`;
}
