import { isDigit } from "./characters.ts";

/** The longest number as it is written, separators included: a card of 19 digits in fours takes 23. UTF-16 units. */
export const LONGEST_NUMBER = 40;

interface Group {
  start: number;
  end: number;
  /** How many digits there are up to its end. */
  upTo: number;
}

/** Digits in groups, as cards, telephone numbers and the like are written. */
export interface DigitGroups {
  /** Index of its first character, be it a `+` or a parenthesis. */
  start: number;
  groups: readonly Group[];
  /** Of all groups. */
  digits: string;
  /** What stands before each group: "" before the first, else a separator; a `(` is in it. After the last, whatever. */
  separators: readonly string[];
}

const isSeparator = (code: number): boolean =>
  code === 0x20 || code === 0x2d || code === 0x2e || code === 0x2f || code === 0xa0 || code === 0x2011;

/** What the characters are from `at` on of which a number can be: how many, and how many digits among them. */
export function measureNumber(text: string, at: number): { length: number; digits: number } {
  const limit = Math.min(text.length, at + LONGEST_NUMBER);
  let end = at + (text[at + 1] === "+" ? 2 : 1);
  let digits = isDigit(text.charCodeAt(at)) ? 1 : 0;
  while (end < limit) {
    const code = text.charCodeAt(end);
    if (isDigit(code)) digits++;
    else if (!isSeparator(code) && code !== 0x28 && code !== 0x29) break;
    end++;
  }
  return { length: Math.min(end, limit) - at, digits };
}

const SEPARATED = /^(?: ?[-./] ?| |\u00a0|\u2011|\) ?[-./]?|[ -]?\()$/;

/** More digits than anything has that is looked for: a number's groups are read up to these. */
const MOST_DIGITS = 20;

/** The groups of digits from `at` on; they end where more than a separator stands between two. */
export function digitGroups(text: string, at: number, end: number): DigitGroups {
  const groups: Group[] = [];
  const separators: string[] = [""];
  let digits = "";
  let index = at;
  for (let sign = 0; sign < 2; sign++) if (text[index] === "+" || text[index] === "(") index++;
  while (index < end) {
    const start = index;
    while (index < end && isDigit(text.charCodeAt(index))) index++;
    if (index === start) break;
    digits += text.slice(start, index);
    if (digits.length > MOST_DIGITS) break;
    groups.push({ start, end: index, upTo: digits.length });
    let next = index;
    while (next < end && !isDigit(text.charCodeAt(next))) next++;
    const between = text.slice(index, next);
    separators.push(between);
    if (next >= end || !SEPARATED.test(between)) break;
    index = next;
  }
  return { start: at, groups, separators, digits };
}

/** The digits of the first `count` groups. */
export const digitsOf = ({ groups, digits }: DigitGroups, count: number): string =>
  digits.slice(0, groups[count - 1]?.upTo ?? 0);

/** How many digits each of the first `count` groups has: `3,3,4`. */
export function sizesOf({ groups }: DigitGroups, count: number): string {
  let sizes = "";
  for (let at = 0; at < count; at++) {
    const group = groups[at];
    if (group !== undefined) sizes += `${at > 0 ? "," : ""}${group.end - group.start}`;
  }
  return sizes;
}
