/** The id of a reply that its backend gave none. */
export function chunkIdOf(callId: string): string {
  return `chatcmpl-${callId}`;
}

/** The id of a tool call that its backend gave none: the same whenever the same reply is read. */
export function toolCallIdOf(callId: string, choice: number, index: number): string {
  return `call_${callId.replace(/[^a-zA-Z0-9]/g, "")}_${choice}_${index}`.slice(0, 64);
}
