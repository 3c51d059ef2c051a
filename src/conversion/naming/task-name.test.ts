import { describe, expect, it } from "vitest";
import { type Prompt, type TaskWords, taskName, taskWords } from "./task-name.ts";

const prompts = (lead: (at: number) => string, tools: string[] = []): Prompt[] =>
  Array.from({ length: 6 }, (_, at) => ({ lead: lead(at), tools }));

const NAMES = ["Meier", "Rossi", "Dupont", "Smith", "Garcia", "Tanaka"];
const tickets = taskWords(
  prompts(
    (at) => `You sort support tickets by team and answer with the team alone. The customer is ${NAMES[at]}.`,
  ),
);
const invoices = taskWords(
  prompts(
    () => "You read an invoice of a customer and extract amount, currency and date as JSON.",
    ["saveInvoice"],
  ),
);

function nameAmong(words: TaskWords, others: TaskWords[], taken: string[] = []): string | null {
  return taskName({
    words,
    saidByOthers: (word) => others.reduce((all, other) => all + (other.get(word) ?? 0), 0),
    otherSizes: others.map((other) => [...other.values()].reduce((all, each) => all + each, 0)),
    taken: new Set(taken),
  });
}

describe("a task's words", () => {
  it("are those that its prompts have in common, and none that one call alone says", () => {
    expect([...tickets.keys()]).toEqual(
      expect.arrayContaining(["sort", "support", "tickets", "team", "customer"]),
    );
    for (const name of NAMES) expect(tickets.has(name.toLowerCase())).toBe(false);
  });

  it("are no numbers, no short ones, none that every prompt says", () => {
    const words = taskWords(
      prompts((at) => `You are the user's assistant. Translate 42 x7 ${at} into French, please.`),
    );
    expect([...words.keys()]).toEqual(["translate", "french"]);
  });

  it("are those of its tools' names too, and of scripts without spaces", () => {
    expect(invoices.get("save")).toBe(1);
    expect(taskWords(prompts(() => "翻訳")).size).toBe(2);
  });
});

describe("a task's name", () => {
  it("says what sets it apart, in the order of its prompt", () => {
    expect(nameAmong(tickets, [invoices])).toBe("sort support team");
    expect(nameAmong(invoices, [tickets])?.split(" ")).toContain("invoice");
    expect(nameAmong(invoices, [tickets])).not.toContain("customer");
  });

  it("is another than a task's that is called so already", () => {
    const first = nameAmong(tickets, [tickets]) ?? "";
    expect(nameAmong(tickets, [tickets], [first])).not.toBe(first);
  });

  it("is none where nothing tells", () => {
    expect(nameAmong(taskWords(prompts((at) => `${at}`)), [])).toBeNull();
  });

  it("is bounded, whatever the prompts say", () => {
    const words = taskWords(
      prompts(() =>
        Array.from({ length: 500 }, (_, at) => `w${"abcdefghij"[at % 10]}${"x".repeat(at)}`).join(" "),
      ),
    );
    expect(words.size).toBeLessThanOrEqual(64);
    expect(nameAmong(words, [])?.length).toBeLessThanOrEqual(80);
  });
});
