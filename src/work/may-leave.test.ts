import { expect, it } from "vitest";
import { mayLeave } from "./may-leave.ts";

it.each<[string, string | null, boolean]>([
  ["gpt-5-mini", null, true],
  ["auto", null, true],
  ["gpt-5-mini", "llm", true],
  ["gpt-5-mini", "auto", true],
  ["slm", null, false],
  ["slm/qwen3-4b", null, false],
  ["gpt-5-mini", "slm", false],
  ["gpt-5-mini", "local-only", false],
  ["auto", "LOCAL-ONLY", false],
  ["gpt-5-mini", "no such route", false],
  ["slm", "llm", false],
])("content of a call to %s by route %s may leave: %s", (requestedModel, route, leaves) => {
  expect(mayLeave({ requestedModel, route })).toBe(leaves);
});
