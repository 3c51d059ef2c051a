import { MAX_TOOL_CALL_ID } from "./ids.ts";

/**
 * Ids of tool calls as OpenAI takes them, for one request: not empty, not longer than its limit, and unlike each other
 * where they were so. The same request always gives the same ids, so that prompt caches hold.
 */
export function createCallIds(): (id: string) => string {
  const known = new Map<string, string>();
  const taken = new Set<string>();
  return (original) => {
    const before = known.get(original);
    if (before !== undefined) return before;
    const plain = original.slice(0, MAX_TOOL_CALL_ID) || "call";
    let id = plain;
    for (let count = 2; taken.has(id); count++) {
      const tail = `_${count}`;
      id = plain.slice(0, MAX_TOOL_CALL_ID - tail.length) + tail;
    }
    known.set(original, id);
    taken.add(id);
    return id;
  };
}
