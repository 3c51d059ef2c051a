import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { draw, type Lottery } from "./lottery.ts";
import { callId } from "./testing/windows.ts";

const lottery: Lottery = { id: "lot", seed: "seed", share: 0.05 };
const draws = (lot: Lottery, count = 40_000) =>
  Array.from({ length: count }, (_, at) => draw(lot, { id: callId(at), splitKey: `${at}` }));

describe("the lottery", () => {
  it("draws its share of calls", () => {
    for (const share of [0.01, 0.05, 0.5]) {
      const count = draws({ ...lottery, share }).filter((each) => each !== null).length;
      expect(Math.abs(count / 40_000 - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / 40_000));
    }
    expect(draws({ ...lottery, share: 1 }, 500).every((each) => each !== null)).toBe(true);
  });

  it("draws the same again: a retried work item is the same draw", () => {
    expect(draws(lottery, 2_000)).toEqual(draws(lottery, 2_000));
  });

  it("asks for nothing but the call's id: content has no say, nor the side", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.string(), fc.string(), (id, one, other) => {
        expect(draw(lottery, { id, splitKey: one }) === null).toBe(
          draw(lottery, { id, splitKey: other }) === null,
        );
      }),
    );
  });

  it("of another seed is another lottery: one draw tells nothing of the next window's", () => {
    const first = draws({ ...lottery, share: 0.5 });
    const second = draws({ ...lottery, seed: "other", share: 0.5 });
    const both = first.filter((each, at) => each !== null && second[at] !== null).length;
    expect(Math.abs(both / 40_000 - 0.25)).toBeLessThan(0.01);
  });

  it("draws as often on each side", () => {
    const drawn = draws({ ...lottery, share: 0.3 });
    const train = drawn.filter((each) => each?.side === "train").length;
    expect(Math.abs(train / 40_000 - 0.3 * 0.4)).toBeLessThan(0.01);
  });

  it("keeps the probability with the draw", () => {
    expect(draws(lottery).find((each) => each !== null)).toMatchObject({ lotteryId: "lot", share: 0.05 });
  });

  it.each([0, -1, 1.01, Number.NaN])("of share %d is none", (share) => {
    expect(() => draws({ ...lottery, share }, 1)).toThrow(RangeError);
  });
});
