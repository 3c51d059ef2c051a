import { describe, expect, it } from "vitest";
import { type Answer, lossAt, NOTHING, released, scoreBasis } from "./drawn-outcome.ts";

const scored: Answer = { kind: "scored", score: 0.7, basis: "whole" };

describe("the loss of a drawn call, over all traffic", () => {
  it.each([
    ["a wrong answer that is released", scored, "wrong", 0.5, 1],
    ["a wrong answer at exactly the threshold", scored, "wrong", 0.7, 1],
    ["a wrong answer that is escalated", scored, "wrong", 0.8, 0],
    ["a right answer that is released", scored, "fine", 0.5, 0],
    ["a released answer that nobody could judge", scored, "missing", 0.5, 1],
    ["an escalated answer that nobody could judge", scored, "missing", 0.8, 0],
    ["an answer that a hard check refused", { kind: "rejected" }, "wrong", 0, 0],
    ["a time-out, at the laxest threshold", { kind: "missing" }, "missing", 0, 1],
    ["a time-out, at the strictest", { kind: "missing" }, "missing", 1, 1],
    ["a time-out that somebody called fine", { kind: "missing" }, "fine", 0, 1],
  ] as const)("of %s", (_name, answer, label, threshold, loss) => {
    expect(lossAt({ answer, label }, threshold)).toBe(loss);
  });

  it("never falls as the threshold goes down, which the order of testing relies on", () => {
    for (const answer of [scored, NOTHING.answer, { kind: "rejected" }] as Answer[])
      for (const label of ["wrong", "fine", "missing"] as const)
        for (let at = 9; at >= 0; at--)
          expect(lossAt({ answer, label }, at / 10)).toBeGreaterThanOrEqual(
            lossAt({ answer, label }, (at + 1) / 10),
          );
  });

  it("counts as released only what scored enough", () => {
    expect(released({ answer: scored }, 0.7)).toBe(true);
    expect(released({ answer: scored }, 0.71)).toBe(false);
    expect(released({ answer: { kind: "missing" } }, 0)).toBe(false);
    expect(released({ answer: { kind: "rejected" } }, 0)).toBe(false);
  });
});

it.each([
  [{ streamed: true, structured: false }, "prefix"],
  [{ streamed: true, structured: true }, "whole"],
  [{ streamed: false, structured: false }, "whole"],
  [{ streamed: false, structured: true }, "whole"],
] as const)("the release of %o is decided by the %s", (reply, basis) => {
  expect(scoreBasis(reply)).toBe(basis);
});
