import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { conversationKey, orderFor } from "./sticky.ts";

const order = (key: string | null, candidates: { id: string; weight: number }[], random = Math.random) =>
  orderFor({ key, candidates, idOf: ({ id }) => id, weightOf: ({ weight }) => weight, random });

const equal = (...ids: string[]) => ids.map((id) => ({ id, weight: 1 }));

describe("orderFor", () => {
  it("gives a conversation the same order, whatever the order of the candidates", () => {
    fc.assert(
      fc.property(fc.string(), (key) => {
        expect(order(key, equal("a", "b", "c"))).toEqual(order(key, equal("c", "a", "b")));
      }),
    );
  });

  it("moves only the conversations of a candidate that goes", () => {
    for (let at = 0; at < 200; at++) {
      const [first, second] = order(`k${at}`, equal("a", "b", "c"));
      const left = order(
        `k${at}`,
        equal("a", "b", "c").filter(({ id }) => id !== "a"),
      );
      expect(left[0]).toEqual(first?.id === "a" ? second : first);
    }
  });

  it.each([
    ["by key", (at: number) => `conversation ${at}`],
    ["by draw", () => null],
  ])("spreads by weight, %s", (_name, key) => {
    const candidates = [
      { id: "a", weight: 3 },
      { id: "b", weight: 1 },
      { id: "off", weight: 0 },
    ];
    const first = Array.from({ length: 4_000 }, (_, at) => order(key(at), candidates)[0]?.id);
    const share = first.filter((id) => id === "a").length / first.length;
    expect(share).toBeGreaterThan(0.7);
    expect(share).toBeLessThan(0.8);
    expect(first).not.toContain("off");
  });
});

describe("conversationKey", () => {
  it("takes the caller's name before anything else, and nothing for a call that begins a conversation", () => {
    expect(conversationKey({ session: "s", beginning: "b" })).toBe("session:s");
    expect(conversationKey({ session: null, beginning: "b" })).toBe(
      conversationKey({ session: null, beginning: "b" }),
    );
    expect(conversationKey({ session: null, beginning: "b" })).not.toBe(
      conversationKey({ session: null, beginning: "c" }),
    );
    expect(conversationKey({ session: null, beginning: null })).toBeNull();
  });
});
