import { expect, it } from "vitest";
import { auditLottery } from "./lotteries.ts";

it("audits are as many for the task's calls whatever share of them is served, until all that is served is audited", () => {
  const shareAt = (served: number) => auditLottery({ epsilon: 0.05, served, newId: () => "id" }).share;
  const promoted = shareAt(1);
  expect(promoted).toBeGreaterThan(0);
  expect(promoted).toBeLessThan(0.25);
  expect(shareAt(0.25) * 0.25).toBeCloseTo(promoted, 10);
  expect(shareAt(promoted / 2)).toBe(1);
});
