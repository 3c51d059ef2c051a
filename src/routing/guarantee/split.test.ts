import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SIDES, sideOf, splitKey, trainingOnly } from "./split.ts";

const key = (session: string | null, firstMessage: string) => splitKey({ session, firstMessage });

describe("the side of a call", () => {
  it("is its session's, whatever is said in it", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (session, one, other) => {
        expect(sideOf(key(session, one))).toBe(sideOf(key(session, other)));
      }),
    );
  });

  it("is its first message's where there is no session, so that a retry is on the same side", () => {
    expect(key(null, "Book a table")).toBe(key(null, "Book a table"));
    expect(key(null, "Book a table")).not.toBe(key("Book a table", "Book a table"));
  });

  it("never moves: vectors", () => {
    const keys = ["a", "b", "c", "d", "e", "f"].map((session) => key(session, ""));
    expect(keys).toMatchInlineSnapshot(`
      [
        "rbp3bq4s8vn",
        "8dhl5abuiob",
        "uy15v1yqnjl",
        "h44f04k9bbs",
        "e70ielhfi38",
        "ye5atpg0d2h",
      ]
    `);
    expect(keys.map(sideOf)).toMatchInlineSnapshot(`
      [
        "calibration",
        "calibration",
        "train",
        "train",
        "test",
        "train",
      ]
    `);
  });

  it("falls to each side by its share", () => {
    const sides = Array.from({ length: 20_000 }, (_, at) => sideOf(key(`session ${at}`, "")));
    for (const { side, share } of SIDES)
      expect(Math.abs(sides.filter((each) => each === side).length / 20_000 - share)).toBeLessThan(0.015);
    expect(SIDES.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
  });
});

it("what is fitted sees the training side alone", () => {
  const rows = Array.from({ length: 500 }, (_, at) => ({ splitKey: key(null, `${at}`) }));
  const kept = trainingOnly(rows);
  expect(kept.length).toBeGreaterThan(0);
  expect(kept).toEqual(rows.filter(({ splitKey: each }) => sideOf(each) === "train"));
});
