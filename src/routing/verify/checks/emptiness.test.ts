import { expect, it } from "vitest";
import { answer } from "../fixtures/asked.ts";
import { checkEmptiness } from "./emptiness.ts";

it.each([
  ["nothing", {}, 1],
  ["white space", { text: " \n\t" }, 1],
  ["a word", { text: "Yes" }, 0],
  ["a refusal", { refusal: "No." }, 0],
  ["a call", { calls: [{ name: "current_time", arguments: "" }] }, 0],
] as const)("%s", (_name, more, findings) => {
  expect(checkEmptiness(null, answer(more)).findings).toHaveLength(findings);
});
