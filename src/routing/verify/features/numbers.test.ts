import { expect, it } from "vitest";
import { numbersIn } from "./numbers.ts";

it.each([
  ["1,000 metres", [1000, 1]],
  ["3.5 hours", [3.5, 35]],
  ["at 12%", [12, 0.12]],
  ["twenty minutes", [20]],
  ["twenty five of two hundred", [20, 25, 5, 2, 200, 100]],
  ["half a million", [0.5, 1_000_000]],
  ["nothing", []],
] as const)("%s", (text, numbers) => {
  expect([...numbersIn(text)].sort()).toEqual([...numbers].sort());
});
