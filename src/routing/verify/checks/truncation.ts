import type { Checked, SlmAnswer } from "../answer.ts";

/** An answer that was cut off, or that a filter stopped, is no answer, whatever stands there so far. */
export function checkTruncation(_asked: unknown, { finish }: Pick<SlmAnswer, "finish">): Checked {
  if (finish === "cut") return { findings: [{ code: "truncated", path: "" }] };
  if (finish === "filtered") return { findings: [{ code: "filtered", path: "" }] };
  return { findings: [] };
}
