import { describe, expect, it } from "vitest";
import type { Label } from "../routing/guarantee/drawn-outcome.ts";
import type { Said } from "./agreement.ts";
import { feedbackLabel, type Rating } from "./feedback-label.ts";

const said = (text: string): Said => ({ text, refusal: null, calls: [], finish: "complete" });
const rate = (
  rating: Partial<Rating>,
  given: "reference" | "candidate",
  matched: Label,
  answers: { reference?: string | null; candidate?: string | null } = {},
) => {
  const { reference = "Bern", candidate = "Basel" } = answers;
  return feedbackLabel({
    rating: { right: null, corrected: null, ofRun: false, ...rating },
    given,
    matched,
    reference: reference === null ? null : said(reference),
    candidate: candidate === null ? null : said(candidate),
    agrees: (truth, answer) => (truth.text.length > 20 ? null : truth.text === answer.text),
  });
};

describe("a rating without a correction", () => {
  it.each<[string, "reference" | "candidate", boolean, Label, Label | null]>([
    ["the small model's answer was right", "candidate", true, "wrong", "fine"],
    ["it was right, and nobody could compare", "candidate", true, "missing", "fine"],
    ["it was wrong, and differs", "candidate", false, "wrong", "wrong"],
    ["it was wrong, and nobody could compare", "candidate", false, "missing", "wrong"],
    ["it was wrong, and the reference says the same", "candidate", false, "fine", null],
    ["the reference's answer was right", "reference", true, "wrong", null],
    ["it was right, and nobody could compare", "reference", true, "missing", null],
    ["the reference was wrong, and the small model differs", "reference", false, "wrong", "fine"],
    ["the reference was wrong, and the small model says the same", "reference", false, "fine", null],
  ])("%s", (_what, given, right, matched, label) => {
    expect(rate({ right }, given, matched)).toBe(label);
  });
});

describe("a rating of a whole run", () => {
  it.each<["reference" | "candidate", boolean, Label | null]>([
    ["candidate", true, "fine"],
    ["candidate", false, null],
    ["reference", true, null],
    ["reference", false, null],
  ])("whose answer was the %s's and that went well (%s) gives %s", (given, right, label) => {
    expect(rate({ right, ofRun: true }, given, "wrong")).toBe(label);
  });
});

describe("a corrected answer", () => {
  it.each<[string, string, string | null, string | null, Label]>([
    ["is the small model's", "Basel", "Bern", "Basel", "fine"],
    ["is the reference's", "Bern", "Bern", "Basel", "wrong"],
    ["is neither's", "Thun", "Bern", "Basel", "fine"],
    ["is not the small model's, and the reference's is gone", "Bern", null, "Basel", "wrong"],
  ])("%s", (_what, corrected, reference, candidate, label) => {
    for (const given of ["reference", "candidate"] as const)
      expect(rate({ corrected: said(corrected) }, given, "missing", { reference, candidate })).toBe(label);
  });

  it("says that the given answer was wrong where the other cannot be held against it", () => {
    const corrected = said("a long text that nobody can compare");
    expect(rate({ corrected }, "candidate", "missing")).toBe("wrong");
    expect(rate({ corrected: said("Bern") }, "candidate", "wrong", { candidate: null })).toBe("wrong");
  });

  it("wins over thumbs that say something else", () => {
    expect(rate({ right: true, corrected: said("Bern") }, "candidate", "wrong")).toBe("wrong");
  });
});

it("nothing said changes nothing", () => {
  expect(rate({}, "candidate", "wrong")).toBeNull();
});
