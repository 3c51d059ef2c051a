import { describe, expect, it } from "vitest";
import { opinionOf, type Said } from "./feedback.ts";

const said = (more: Partial<Said> = {}): Said => ({
  of: "call",
  at: 1,
  score: null,
  unreadable: false,
  ...more,
});

describe("what people make of a call", () => {
  it.each<[string, Said[], object]>([
    ["nothing was said", [], { liked: false, disliked: false }],
    ["thumbs up", [said({ score: 1 })], { liked: true, disliked: false }],
    ["thumbs down", [said({ score: 0 })], { liked: false, disliked: true }],
    ["the middle is no dislike", [said({ score: 0.5 })], { liked: true, disliked: false }],
    [
      "one of two dislikes it",
      [said({ score: 1, at: 2 }), said({ score: 0.2 })],
      { liked: false, disliked: true },
    ],
    ["its run was bad", [said({ of: "run", score: 0 })], { liked: false, disliked: true }],
    [
      "its run was good, which is no word about this call",
      [said({ of: "run", score: 1 })],
      { liked: false, disliked: false },
    ],
    [
      "its run was bad and the call itself good",
      [said({ of: "run", score: 0, at: 9 }), said({ score: 1 })],
      { liked: true, disliked: false },
    ],
    ["something that cannot be opened", [said({ unreadable: true })], { liked: false, disliked: true }],
    [
      "a correction alone",
      [said({ corrected: "Bern" })],
      { corrected: "Bern", liked: false, disliked: false },
    ],
    [
      "the newest of two corrections",
      [said({ corrected: "Bern", at: 2 }), said({ corrected: "Thun", at: 5 })],
      { corrected: "Thun", liked: false, disliked: false },
    ],
  ])("%s", (_what, all, expected) => {
    expect(opinionOf(all, 0.5)).toEqual(expected);
  });
});
