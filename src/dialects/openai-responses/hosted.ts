/** Tools that OpenAI runs itself (OpenAI API reference, "Tools"); dated and preview names begin with these. */
const HOSTED_TOOLS = /^(web_search|file_search|code_interpreter|image_generation|mcp|tool_search)(_|$)/;

/** What such tools leave in a conversation. */
const HOSTED_ITEMS = new Set([
  "web_search_call",
  "file_search_call",
  "code_interpreter_call",
  "image_generation_call",
  "mcp_list_tools",
  "mcp_call",
  "tool_search_call",
  "tool_search_output",
]);

/** Whether a tool, which is none of the caller's own, is one that its provider runs. */
export const isHostedTool = ({ type }: { type: string }): boolean => HOSTED_TOOLS.test(type);

/** Whether an item, which has no form elsewhere, came of such a tool. */
export const isHostedItem = ({ type }: { type?: string | null }): boolean => HOSTED_ITEMS.has(type ?? "");
