import type { Asked, Checked, SlmAnswer } from "../answer.ts";

/** A call where one is required, and no second one where the caller takes one at a time. */
export function checkNumberOfCalls(asked: Asked, { calls }: SlmAnswer): Checked {
  if (asked.toolChoice.mode === "required" && calls.length === 0)
    return { findings: [{ code: "tool_missing", path: "calls" }] };
  if (!asked.parallelToolCalls && calls.length > 1)
    return { findings: [{ code: "too_many_calls", path: "calls[1]" }] };
  return { findings: [] };
}
