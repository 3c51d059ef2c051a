import { createDistinctIds } from "../distinct-ids.ts";
import { MAX_TOOL_CALL_ID } from "./ids.ts";

/**
 * Ids of tool calls as OpenAI takes them, for one request: not empty, not longer than its limit, and unlike each other
 * where they were so.
 */
export function createCallIds(): (id: string) => string {
  return createDistinctIds({
    write: (original) => original.slice(0, MAX_TOOL_CALL_ID) || "call",
    max: MAX_TOOL_CALL_ID,
  });
}
