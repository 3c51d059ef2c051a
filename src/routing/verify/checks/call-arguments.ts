import { isObject, type Json, parseJson } from "../../../dialects/json.ts";
import type { Asked, Checked, SlmAnswer } from "../answer.ts";
import { validateJson } from "../json-schema.ts";
import { undeclaredArguments } from "./undeclared-arguments.ts";

/** The arguments of one call against the schema of its tool. */
function checkCall(parameters: Json, written: string, path: string): Checked {
  const value = parseJson(written === "" ? "{}" : written);
  if (!isObject(value)) return { findings: [{ code: "invalid_json", path }] };
  const { findings, unchecked } = validateJson(parameters, value, { path, role: "arguments" });
  const undeclared = undeclaredArguments(parameters, value).map((name) => ({
    code: "unknown_argument" as const,
    path: `${path}.${name}`,
  }));
  const known = new Set(findings.map((finding) => finding.path));
  return { findings: [...findings, ...undeclared.filter((finding) => !known.has(finding.path))], unchecked };
}

/** Arguments are a JSON object that the tool's schema accepts: required ones, types, enums, no others. */
export function checkCallArguments(asked: Asked, answer: SlmAnswer): Checked {
  const checked = answer.calls.map(({ name, arguments: written }, at): Checked => {
    const tool = asked.tools.find((offered) => offered.name === name);
    if (tool === undefined) return { findings: [] };
    return checkCall(tool.parameters ?? { type: "object" }, written, `calls[${at}].arguments`);
  });
  return {
    findings: checked.flatMap(({ findings }) => findings),
    unchecked: checked.flatMap(({ unchecked }) => unchecked ?? []),
  };
}
