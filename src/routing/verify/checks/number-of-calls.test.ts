import { expect, it } from "vitest";
import { answer, asked } from "../fixtures/asked.ts";
import { checkNumberOfCalls } from "./number-of-calls.ts";

const calls = (count: number) =>
  Array.from({ length: count }, () => ({ name: "current_time", arguments: "{}" }));

it.each([
  ["none where none is needed", "auto", true, 0, []],
  ["none where one is required", "required", true, 0, ["tool_missing"]],
  ["one where one is required", "required", true, 1, []],
  ["three where they may be parallel", "auto", true, 3, []],
  ["two where one is taken at a time", "auto", false, 2, ["too_many_calls"]],
] as const)("%s", (_name, mode, parallelToolCalls, count, codes) => {
  const given = asked({ toolChoice: { mode, names: null }, parallelToolCalls });
  const { findings } = checkNumberOfCalls(given, answer({ calls: calls(count) }));
  expect(findings.map(({ code }) => code)).toEqual(codes);
});
