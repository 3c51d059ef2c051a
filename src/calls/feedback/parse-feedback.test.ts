import { describe, expect, it } from "vitest";
import { RouteletError } from "../../errors.ts";
import { MAX_CONTENT_CHARACTERS, parseFeedback } from "./parse-feedback.ts";

const parse = (body: unknown) => parseFeedback(new TextEncoder().encode(JSON.stringify(body)));
const call = "call_1";

describe("feedback", () => {
  it.each([
    [
      { call_id: call, thumbs: "up" },
      { about: { call }, score: 1, content: null },
    ],
    [
      { call_id: call, thumbs: "down" },
      { about: { call }, score: 0, content: null },
    ],
    [
      { run_id: "run 7", score: 0.25 },
      { about: { run: "run 7" }, score: 0.25, content: null },
    ],
    [
      { call_id: call, corrected: "Berlin" },
      { about: { call }, score: null, content: { corrected: "Berlin" } },
    ],
    [
      { call_id: call, score: 0, corrected: { role: "assistant", content: "Berlin" }, comment: "a city" },
      {
        about: { call },
        score: 0,
        content: { corrected: { role: "assistant", content: "Berlin" }, comment: "a city" },
      },
    ],
  ])("reads %j", (body, expected) => {
    expect(parse(body)).toEqual(expected);
  });

  it.each([
    ["nothing to rate", {}, "call_id"],
    ["two things to rate", { call_id: call, run_id: "r", score: 1 }, "call_id"],
    ["no verdict", { call_id: call }, "score"],
    ["a remark alone", { call_id: call, comment: "hm" }, "score"],
    ["thumbs and a score", { call_id: call, thumbs: "up", score: 1 }, "score"],
    ["a score out of range", { call_id: call, score: 5 }, "score"],
    ["a score that is no number", { call_id: call, score: "good" }, "score"],
    ["another thumb", { call_id: call, thumbs: "sideways" }, "thumbs"],
    ["a correction of a whole run", { run_id: "r", corrected: "x" }, "corrected"],
    ["a number as correction", { call_id: call, corrected: 7 }, "corrected"],
    [
      "a correction beyond the limit",
      { call_id: call, corrected: "x".repeat(MAX_CONTENT_CHARACTERS) },
      "corrected",
    ],
  ])("refuses %s, by the field's name", (_what, body, param) => {
    let thrown: unknown;
    try {
      parse(body);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(RouteletError);
    expect(thrown).toMatchObject({ status: 400, param });
  });

  it("refuses a field that it does not know, rather than losing what it says", () => {
    expect(() => parse({ call_id: call, score: 1, rating: 5 })).toThrow(/rating/);
  });

  it.each([["[]"], ["{"], ['"x"'], [""]])("refuses %j", (text) => {
    expect(() => parseFeedback(new TextEncoder().encode(text))).toThrow(/call_id/);
  });
});
