import { describe, expect, it } from "vitest";
import { answer, calling } from "../../routing/verify/fixtures/asked.ts";
import { candidate } from "./candidate.test-support.ts";
import type { Candidate } from "./candidate.ts";
import { curate } from "./curate.ts";
import type { LeftOut } from "./left-out.ts";

describe("a call is left out of training", () => {
  it.each<[string, Partial<Candidate>, LeftOut | null]>([
    ["never, where nothing is wrong with it", {}, null],
    ["where its client left", { outcome: "cancelled" }, "cancelled"],
    ["where it failed", { outcome: "error" }, "failed"],
    ["where it took too long", { outcome: "deadline" }, "failed"],
    ["where its end was never reported", { outcome: "lost" }, "failed"],
    ["where nobody was given an answer", { answer: null }, "no_answer"],
    ["where somebody disliked it", { disliked: true }, "disliked"],
    ["where a small model stood in", { standIn: true }, "stand_in"],
    ["not where people liked what it said", { standIn: true, liked: true }, null],
    ["where its tools are not the task's any more", { version: "old" }, "other_schema"],
    ["where it was cut", { answer: answer({ text: "Sun", finish: "cut" }) }, "invalid_answer"],
    ["where it calls a tool that there is not", { answer: calling("get_wether", {}) }, "invalid_answer"],
    ["where an argument is missing", { answer: calling("get_weather", { days: 2 }) }, "invalid_answer"],
    ["not where its call is right", { answer: calling("get_weather", { city: "Lisbon" }) }, null],
  ])("%s", (_what, more, expected) => {
    expect(curate(candidate(more))).toBe(expected);
  });

  it.each<[string, Partial<Candidate>, LeftOut | null]>([
    ["a disliked call", { disliked: true }, null],
    ["a failed one", { outcome: "error" }, null],
    ["one that a small model answered", { standIn: true }, null],
    ["one of an older schema not", { version: "old" }, "other_schema"],
    [
      "one whose correction is wrong itself not",
      { answer: calling("get_weather", {}) },
      "invalid_correction",
    ],
  ])("but a correction makes an example of %s", (_what, more, expected) => {
    expect(curate(candidate({ corrected: true, ...more }))).toBe(expected);
  });

  it("by the first thing that is wrong with it", () => {
    expect(curate(candidate({ outcome: "error", disliked: true, version: "old" }))).toBe("failed");
  });
});
