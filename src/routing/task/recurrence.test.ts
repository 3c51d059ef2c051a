import { describe, expect, it } from "vitest";
import { Recurrence } from "./recurrence.ts";

/** A unit of so many words. */
const unit = (number: number, words: number): number => number * 16 + words;
const [RARE, COMMON, HEADING, ONCE] = [unit(1, 8), unit(2, 8), unit(3, 1), unit(4, 8)];

function table(): Recurrence {
  const recurrence = new Recurrence();
  for (let at = 0; at < 100; at++) {
    const units = [COMMON, HEADING];
    if (at % 25 === 0) units.push(RARE);
    if (at === 40) units.push(ONCE);
    recurrence.see(units);
  }
  return recurrence;
}

describe("how much a unit says", () => {
  it("much where few have it, and where it is long", () => {
    const seen = table();
    expect(seen.weight(RARE)).toBeGreaterThan(10 * seen.weight(COMMON));
    expect(seen.weight(COMMON)).toBeCloseTo(8 * seen.weight(HEADING));
    expect(seen.weight(unit(9, 8))).toBe(0);
  });

  it("less and less where it never came again", () => {
    const seen = table();
    const before = seen.weight(ONCE);
    for (let at = 0; at < 50; at++) seen.see([COMMON]);
    // One half-life; the others' rarity grew a little meanwhile.
    expect(seen.weight(ONCE) / before).toBeGreaterThan(0.4);
    expect(seen.weight(ONCE) / before).toBeLessThan(0.65);
    seen.see([ONCE]);
    expect(seen.weight(ONCE)).toBeGreaterThan(before);
  });

  it("is the same after it was written down and read again", () => {
    const seen = table();
    const again = Recurrence.fromNumbers(JSON.parse(JSON.stringify(seen.toNumbers())));
    for (const each of [RARE, COMMON, HEADING, ONCE]) expect(again.weight(each)).toBe(seen.weight(each));
  });
});

it("forgets what it has not seen for longest, so that no stream fills it", () => {
  const seen = new Recurrence();
  for (let at = 0; at < 6_000; at++) {
    const pasted = Array.from({ length: 40 }, (_, line) => unit(1_000 + at * 40 + line, 5));
    seen.see([COMMON, ...pasted]);
  }
  expect(seen.weight(COMMON)).toBeGreaterThan(0);
  expect(seen.weight(unit(1_000, 5))).toBe(0);
  // What is written down is less still: of the pasted lines those of the last 400 prompts.
  expect(seen.toNumbers().length).toBeLessThan(3 * (400 * 40 + 2) + 1);
});
