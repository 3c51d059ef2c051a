import { expect, it } from "vitest";
import type { AnswerToken } from "../answer.ts";
import { tokenConfidence } from "./token-confidence.ts";

/** Tokens with their log-probabilities; the runner-up is at -3. */
const tokens = (...given: [string, number][]): AnswerToken[] =>
  given.map(([text, logprob]) => ({ text, logprob, runnerUp: -3 }));

it("in JSON the tokens of values count, and nothing else", () => {
  const given = tokens(
    ['{"', -9],
    ["city", -8],
    ['":"', -7],
    ["Lis", -0.5],
    ["bon", -1],
    ['","', -9],
    ["n", -9],
    ['":', -9],
    [" 3", -0.1],
    ["}", -9],
  );
  expect(tokenConfidence(given, "json")).toEqual({ mean: (-0.5 - 1 - 0.1) / 3, least: -1, margin: 2 });
});

it.each([
  [
    "booleans and null",
    [
      ['{"a":', -9],
      ["true", -1],
      [',"b":', -9],
      ["null", -2],
      ["}", -9],
    ],
    -2,
  ],
  [
    "items of a list",
    [
      ['["', -9],
      ["x", -1],
      ['","', -9],
      ["y", -3],
      ['"]', -9],
    ],
    -3,
  ],
  [
    "a value with a quote in it",
    [
      ['{"a":"', -9],
      ['x\\"y', -2],
      ['"}', -9],
    ],
    -2,
  ],
  [
    "a token that holds value and end",
    [
      ['{"a":"', -9],
      ['x"}', -4],
    ],
    -4,
  ],
] as const)("%s", (_name, given, least) => {
  expect(
    tokenConfidence(tokens(...given.map(([text, logprob]): [string, number] => [text, logprob])), "json")
      ?.least,
  ).toBe(least);
});

it("in prose every token counts, also where it looks like JSON", () => {
  expect(tokenConfidence(tokens(["Section: ", -2], ["12", -0.1], [" ends", -4]), "prose")?.least).toBe(-4);
});

it("JSON without values has only its tokens", () => {
  expect(tokenConfidence(tokens(["{", -1], ["}", -2]), "json")).toEqual({ mean: -1.5, least: -2, margin: 1 });
});

it("says nothing without tokens, and of the margin nothing without runners-up", () => {
  expect(tokenConfidence(null, "prose")).toBeNull();
  expect(tokenConfidence([], "prose")).toBeNull();
  expect(tokenConfidence([{ text: "a", logprob: -1, runnerUp: null }], "prose")?.margin).toBeNull();
});
