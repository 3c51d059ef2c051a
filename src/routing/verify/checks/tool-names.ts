import type { Asked, Checked, Finding, SlmAnswer } from "../answer.ts";

/** Every tool that is called was offered, and is one of those that the caller allows. */
export function checkToolNames(asked: Asked, answer: SlmAnswer): Checked {
  const offered = new Set(asked.tools.map(({ name }) => name));
  const { mode, names } = asked.toolChoice;
  const allowed = (name: string): boolean => mode !== "none" && (names === null || names.includes(name));
  return {
    findings: answer.calls.flatMap(({ name }, at): Finding[] => {
      const path = `calls[${at}].name`;
      if (!offered.has(name)) return [{ code: "unknown_tool", path }];
      return allowed(name) ? [] : [{ code: "tool_not_allowed", path }];
    }),
  };
}
