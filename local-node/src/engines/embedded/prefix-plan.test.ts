import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planPrefix, type SlotView } from "./prefix-plan.ts";

const slot = (view: Partial<SlotView>): SlotView => ({
  isFree: true,
  length: view.common ?? 0,
  common: 0,
  usedAt: 0,
  ...view,
});

describe("planPrefix", () => {
  it.each<[string, SlotView[], number, ReturnType<typeof planPrefix>]>([
    ["no slot is free", [slot({ isFree: false })], 0, null],
    [
      "a conversation goes on in its own slot",
      [slot({ usedAt: 1 }), slot({ common: 900, length: 910, usedAt: 2 })],
      0,
      { slot: 1, source: { kind: "own" }, lost: 10 },
    ],
    [
      "a shared beginning is copied, so that the other conversation stays",
      [slot({ common: 1000, length: 5000, usedAt: 2 }), slot({ usedAt: 1 })],
      0,
      { slot: 1, source: { kind: "slot", slot: 0 }, lost: 0 },
    ],
    [
      "also from a slot that is busy",
      [slot({ common: 1000, length: 1100, isFree: false, usedAt: 2 }), slot({ length: 300, usedAt: 1 })],
      0,
      { slot: 1, source: { kind: "slot", slot: 0 }, lost: 300 },
    ],
    [
      "the one that was used longest ago gives way",
      [slot({ length: 500, usedAt: 2 }), slot({ length: 500, usedAt: 1 }), slot({ length: 500, usedAt: 3 })],
      0,
      { slot: 1, source: { kind: "own" }, lost: 500 },
    ],
    [
      "but an empty one before that",
      [slot({ length: 500, usedAt: 1 }), slot({ length: 20, usedAt: 9 })],
      0,
      { slot: 1, source: { kind: "own" }, lost: 20 },
    ],
    [
      "a state on disk is loaded where no slot has as much",
      [slot({ common: 30, length: 400 })],
      1000,
      { slot: 0, source: { kind: "stored" }, lost: 400 },
    ],
    [
      "a slot is better than a disk that has hardly more",
      [slot({ common: 980, length: 990 })],
      1000,
      { slot: 0, source: { kind: "own" }, lost: 10 },
    ],
    [
      "a few tokens are computed",
      [slot({ common: 40, length: 4000, usedAt: 2 }), slot({ usedAt: 1 })],
      0,
      { slot: 1, source: { kind: "own" }, lost: 0 },
    ],
  ])("%s", (_, slots, stored, plan) => {
    expect(planPrefix(slots, stored)).toEqual(plan);
  });

  it("always takes a free slot, and never computes more than the smallest gain over the best source", () => {
    const view = fc
      .record({ isFree: fc.boolean(), length: fc.nat(2000), share: fc.nat(100), usedAt: fc.nat(10) })
      .map(({ share, ...rest }) => ({ ...rest, common: Math.floor((rest.length * share) / 100) }));
    fc.assert(
      fc.property(fc.array(view, { maxLength: 6 }), fc.nat(2000), (slots, stored) => {
        const plan = planPrefix(slots, stored);
        if (plan === null) {
          expect(slots.some(({ isFree }) => isFree)).toBe(false);
          return;
        }
        expect(slots[plan.slot]?.isFree).toBe(true);
        const { source } = plan;
        const held =
          source.kind === "stored" ? stored : slots[source.kind === "own" ? plan.slot : source.slot]?.common;
        const best = Math.max(stored, ...slots.map(({ common }) => common));
        expect(held).toBeGreaterThan(best - 65);
      }),
    );
  });
});
