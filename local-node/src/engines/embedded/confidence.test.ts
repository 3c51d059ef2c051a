import { describe, expect, it } from "vitest";
import { confidenceSchema } from "../../../../src/tunnel/protocol/confidence.ts";
import { createChoiceConfidence, toConfidence } from "./confidence.ts";

function gather(tokens: [text: string, logprob: number, margin: number][]) {
  const choice = createChoiceConfidence();
  for (const [text, logprob, margin] of tokens) choice.push({ logprob, margin }, text);
  return choice.summary();
}

const call = gather([
  ['{"', -0.1, 5],
  ["city", -0.2, 4],
  ['":"', -0.3, 3],
  ["Ber", -1, 0.5],
  ['lin"', -3, -0.5],
  ["}", -0.1, 5],
  ["", -0.1, 5],
]);

describe("toConfidence", () => {
  it("counts only the tokens that touch values, where the answer is JSON", () => {
    const confidence = toConfidence([call]);
    expect(confidence).toEqual({
      over: "values",
      tokens: 2,
      meanLogprob: -2,
      minLogprob: -3,
      meanMargin: 0,
      minMargin: -0.5,
      completionTokens: 7,
      prefix: {
        tokens: 7,
        meanLogprob: expect.closeTo(-4.8 / 7, 4),
        minLogprob: -3,
        meanMargin: expect.closeTo(22 / 7, 4),
        minMargin: -0.5,
      },
    });
    expect(confidenceSchema.parse(confidence)).toEqual(confidence);
  });

  it("counts every token of prose, also where it holds a little JSON", () => {
    const prose = gather([
      ["Here is a long sentence before it: ", -1, 1],
      ['{"a":1}', -2, 2],
      ["", -0.5, 3],
    ]);
    expect(toConfidence([prose])).toMatchObject({ over: "all", tokens: 3, minLogprob: -2, minMargin: 1 });
  });

  it("counts the tokens of a character that came in parts as its text", () => {
    const parts = gather([
      ['{"a":"', -0.1, 1],
      ["", -1, 1],
      ["é", -2, 1],
      ['"}', -0.1, 1],
    ]);
    expect(toConfidence([parts])).toMatchObject({ over: "values", tokens: 2, meanLogprob: -1.5 });
  });

  it("keeps the prefix to the first tokens of the first choice, and the rest over all choices", () => {
    const long = gather(Array.from({ length: 40 }, (_, index) => [`word${index} `, index < 32 ? -1 : -9, 1]));
    const other = gather([["x", -20, 1]]);
    expect(toConfidence([long, other])).toMatchObject({
      over: "all",
      tokens: 41,
      minLogprob: -20,
      completionTokens: 41,
      prefix: { tokens: 32, minLogprob: -1 },
    });
  });

  it("says nothing where nothing was generated", () => {
    expect(toConfidence([])).toBeNull();
    expect(toConfidence([gather([])])).toBeNull();
  });
});
