import { describe, expect, it } from "vitest";
import { LookupBudget } from "./lookup-budget.ts";

const takes = (budget: LookupBudget, client: string, now: number, times: number) =>
  Array.from({ length: times }, () => budget.take({ client, now })).filter(Boolean).length;

describe("LookupBudget", () => {
  it("gives one second's worth at once and the rest as time passes", () => {
    const budget = new LookupBudget({ perClient: 10, perSecond: 100 });
    expect(takes(budget, "a", 1_000, 30)).toBe(10);
    expect(takes(budget, "a", 1_500, 30)).toBe(5);
  });

  it("threat: one client that floods must not shut out another", () => {
    const budget = new LookupBudget({ perClient: 10, perSecond: 100 });
    takes(budget, "flood", 1_000, 10_000);
    expect(takes(budget, "guest", 1_000, 5)).toBe(5);
  });

  it("threat: many clients together must not overload the database", () => {
    const budget = new LookupBudget({ perClient: 10, perSecond: 100 });
    let asked = 0;
    for (let client = 0; client < 5_000; client++) asked += takes(budget, `c${client}`, 1_000, 1);
    expect(asked).toBe(100);
  });
});
