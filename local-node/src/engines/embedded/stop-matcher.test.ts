import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createStopMatcher } from "./stop-matcher.ts";

/** Feeds the pieces until one stops; gives all that was shown. */
function run(stops: string[], pieces: string[]) {
  const matcher = createStopMatcher(stops);
  const shown: string[] = [];
  for (const piece of pieces) {
    const { text, stopped } = matcher.push(piece);
    shown.push(text);
    if (stopped) return { text: shown.join(""), stopped: true };
  }
  return { text: shown.join("") + matcher.flush(), stopped: false };
}

describe("createStopMatcher", () => {
  it("finds a stop text that lies across pieces and shows none of it", () => {
    expect(run(["END"], ["one E", "N", "D two"])).toEqual({ text: "one ", stopped: true });
  });

  it("shows what only looked like the beginning of a stop text", () => {
    expect(run(["END"], ["an E", "N", "T"])).toEqual({ text: "an ENT", stopped: false });
    expect(run(["END"], ["at the EN"])).toEqual({ text: "at the EN", stopped: false });
  });

  it("shows text at once that cannot become a stop text", () => {
    expect(createStopMatcher(["END"]).push("abc E")).toEqual({ text: "abc ", stopped: false });
  });

  it("stops at the text that is complete first, and at the longest of those that end together", () => {
    expect(run(["abc", "b"], ["abc"])).toEqual({ text: "a", stopped: true });
    expect(run(["c", "bc"], ["abc"])).toEqual({ text: "a", stopped: true });
  });

  it("does not depend on how the text is cut, and is what a search character by character finds", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 4 }),
        fc.array(fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 6 })),
        (stops, pieces) => {
          const whole = pieces.join("");
          expect(run(stops, pieces)).toEqual(search(stops, whole));
        },
      ),
    );
  });
});

function search(stops: string[], text: string) {
  for (let end = 1; end <= text.length; end++) {
    const ended = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    if (ended.length > 0) {
      const longest = Math.max(...ended.map((stop) => stop.length));
      return { text: text.slice(0, end - longest), stopped: true };
    }
  }
  return { text, stopped: false };
}
