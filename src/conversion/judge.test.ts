import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Said } from "./agreement.ts";
import {
  type JudgeWord,
  judgement,
  judgeQuestion,
  MAX_JUDGED_CHARACTERS,
  type Order,
  readJudgeWord,
} from "./judge.ts";

const said = (text: string, more: Partial<Said> = {}): Said => ({
  text,
  refusal: null,
  calls: [],
  finish: "complete",
  ...more,
});
const ask = (order: Order, reference = said("from the reference"), candidate = said("from the small one")) =>
  judgeQuestion({ request: [{ role: "user", text: "Sum it up." }], reference, candidate, order });

describe("the question", () => {
  it("shows both answers and the request, in either order", () => {
    const request = [{ role: "user", text: "Sum it up." }];
    expect(JSON.parse(ask("reference first")?.user ?? "")).toEqual({
      request,
      a: "from the reference",
      b: "from the small one",
    });
    expect(JSON.parse(ask("candidate first")?.user ?? "")).toEqual({
      request,
      a: "from the small one",
      b: "from the reference",
    });
  });

  it("does not say which answer is whose", () => {
    const { system, user } = ask("reference first", said("x"), said("y")) ?? { system: "", user: "" };
    expect(`${system}${user}`).not.toMatch(/reference|candidate|small/i);
  });

  it("shows a refusal in the place of the words that it stands for", () => {
    const refused = said("", { refusal: "I cannot." });
    expect(JSON.parse(ask("reference first", refused)?.user ?? "")).toMatchObject({ a: "I cannot." });
  });

  it("is not asked about what is too long to be judged", () => {
    expect(ask("reference first", said("x".repeat(MAX_JUDGED_CHARACTERS)))).toBeNull();
  });

  it("lets no answer end its part, whatever it writes", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (reference, candidate) => {
        const { user } = ask("reference first", said(reference), said(candidate)) ?? { user: "{}" };
        expect(JSON.parse(user)).toMatchObject({ a: reference, b: candidate });
      }),
    );
  });
});

describe("the judge's word", () => {
  it.each<[string, JudgeWord | null]>([
    ["A", "A"],
    [" b.\n", "B"],
    ["**SAME**", "SAME"],
    ['"Unsure"', "UNSURE"],
    ["", null],
    ["C", null],
    ["A or B", null],
    ["A - answer A is better", null],
    ["I think SAME", null],
    ['{"better":"A"}', null],
  ])("%j", (text, word) => {
    expect(readJudgeWord(text)).toBe(word);
  });
});

describe("both orders together", () => {
  it.each<[string, JudgeWord | null, JudgeWord | null, "fine" | "wrong" | null]>([
    ["the reference is better both times", "A", "B", "wrong"],
    ["the small model is better both times", "B", "A", "fine"],
    ["neither is better", "SAME", "SAME", "fine"],
    ["never the reference", "SAME", "A", "fine"],
    ["always the first", "A", "A", null],
    ["always the second", "B", "B", null],
    ["the reference once", "A", "SAME", null],
    ["unsure once", "SAME", "UNSURE", null],
    ["nonsense once", null, "SAME", null],
  ])("%s", (_what, first, second, verdict) => {
    expect(judgement({ "reference first": first, "candidate first": second })).toBe(verdict);
  });

  it("never say that an answer is fine which a judge would not call as good in each place", () => {
    const word = fc.constantFrom<JudgeWord | null>("A", "B", "SAME", "UNSURE", null);
    fc.assert(
      fc.property(word, word, (first, second) => {
        if (judgement({ "reference first": first, "candidate first": second }) !== "fine") return;
        expect(["B", "SAME"]).toContain(first);
        expect(["A", "SAME"]).toContain(second);
      }),
    );
  });
});
