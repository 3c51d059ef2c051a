/** The id of a reply that its backend gave none. */
export function chunkIdOf(callId: string): string {
  return `chatcmpl-${callId}`;
}

/** OpenAI refuses longer ids of tool calls, and clients send them back. */
export const MAX_TOOL_CALL_ID = 40;

/** The id of a tool call that its backend gave none: the same whenever the same reply is read. */
export function toolCallIdOf(seed: string, choice: number, index: number): string {
  const tail = `_${choice.toString(36)}_${index.toString(36)}`;
  const own = seed.replace(/^call_/, "").replace(/[^a-zA-Z0-9]/g, "");
  return `call_${own.slice(-(MAX_TOOL_CALL_ID - 5 - tail.length))}${tail}`;
}
