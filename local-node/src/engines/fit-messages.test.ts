import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fitMessages } from "./fit-messages.ts";

const ROLES = { s: "system", u: "user", a: "assistant", t: "tool" } as const;
type Letter = keyof typeof ROLES;

/** `su1a` is a system, a user and an assistant message; each has its place as its name. */
const conversation = (letters: string) =>
  [...letters].map((letter, index) => ({ role: ROLES[letter as Letter], name: index }));
const fit = (letters: string, most: number) =>
  fitMessages(conversation(letters), (messages) => messages.length <= most)
    ?.map(({ name }) => `${letters[name]}${name}`)
    .join(" ");

describe("fitMessages", () => {
  it.each([
    ["all that fits stays", "suau", 4, "s0 u1 a2 u3"],
    ["whole turns go, the oldest first", "suauau", 4, "s0 u3 a4 u5"],
    ["no answer is left without its question", "suauau", 3, "s0 u5"],
    ["the last question stays", "uau", 1, "u2"],
    ["rounds of tool calls go with their results", "suatatat", 6, "s0 u1 a4 t5 a6 t7"],
    ["but not the last one", "suatatat", 4, "s0 u1 a6 t7"],
    ["earlier turns go before them", "suatuatat", 6, "s0 u4 a5 t6 a7 t8"],
    ["a conversation that an assistant begins", "auau", 3, "u1 a2 u3"],
    ["a system message alone", "s", 1, "s0"],
  ])("%s", (_, letters, most, expected) => {
    expect(fit(letters, most)).toBe(expected);
  });

  it("says so where not even the least fits", () => {
    expect(fit("suau", 1)).toBeUndefined();
    expect(fit("s", 0)).toBeUndefined();
    expect(fit("suatat", 3)).toBeUndefined();
  });

  it("keeps as much as fits, whatever the sizes, and asks seldom", () => {
    const sized = fc.array(
      fc.record({
        role: fc.constantFrom("user", "assistant", "tool"),
        size: fc.integer({ min: 1, max: 50 }),
      }),
      { minLength: 1, maxLength: 60 },
    );
    fc.assert(
      fc.property(sized, fc.nat(1500), (messages, limit) => {
        const size = (kept: { size: number }[]) => kept.reduce((sum, message) => sum + message.size, 0);
        const asked: { size: number }[][] = [];
        const kept = fitMessages(messages, (cut) => {
          asked.push(cut);
          return size(cut) <= limit;
        });
        expect(asked.length).toBeLessThan(10);
        if (kept === null) return;
        expect(size(kept)).toBeLessThanOrEqual(limit);
        expect(kept.at(-1)).toBe(messages.at(-1));
        // What is next longer was asked for, and did not fit.
        const longer = asked.filter((cut) => cut.length > kept.length);
        expect(longer.every((cut) => size(cut) > limit)).toBe(true);
        expect(kept.length === messages.length || longer.length > 0).toBe(true);
      }),
    );
  });
});
