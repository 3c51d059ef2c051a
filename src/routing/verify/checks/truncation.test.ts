import { expect, it } from "vitest";
import { answer } from "../fixtures/asked.ts";
import { checkTruncation } from "./truncation.ts";

it.each([
  ["complete", []],
  ["refused", []],
  [null, []],
  ["cut", [{ code: "truncated", path: "" }]],
  ["filtered", [{ code: "filtered", path: "" }]],
] as const)("finish %s", (finish, findings) => {
  expect(checkTruncation(null, answer({ finish, text: "Here is the be" })).findings).toEqual(findings);
});
