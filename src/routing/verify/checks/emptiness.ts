import type { Checked, SlmAnswer } from "../answer.ts";

/** A model that neither says nor does anything. */
export function checkEmptiness(_asked: unknown, answer: SlmAnswer): Checked {
  const said = answer.text.trim() !== "" || answer.refusal !== null || answer.calls.length > 0;
  return { findings: said ? [] : [{ code: "empty", path: "" }] };
}
