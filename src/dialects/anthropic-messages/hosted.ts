/** Tools that Anthropic runs itself ("Server tools"); each name has its version's date after it. */
const HOSTED_TOOLS = /^(web_search|web_fetch|code_execution|tool_search_tool_[a-z0-9]+)_\d{8}$|^mcp_toolset$/;

/** What such tools leave in an assistant's turn: `server_tool_use`, `web_search_tool_result`, … */
const HOSTED_BLOCKS = /^(server_tool_use|mcp_tool_use|[a-z_]+_tool_result)$/;

export const isHostedTool = (type: string): boolean => HOSTED_TOOLS.test(type);

/** Whether a block of an assistant's turn came of such a tool. */
export const isHostedBlock = (type: string): boolean => HOSTED_BLOCKS.test(type);
