import { describe, expect, test } from "vitest";
import { parseQuietHours, quietUntil } from "./quiet-hours.ts";

/** A local time in a week whose first day is Sunday, 4 January 2026. */
const at = (day: number, hour: number, minute = 0): number =>
  new Date(2026, 0, 4 + day, hour, minute).getTime();
const [SUN, MON, FRI, SAT] = [0, 1, 5, 6];

function until(texts: string[], now: number): number | null {
  const all = texts.map(parseQuietHours).filter((one) => one !== null);
  expect(all).toHaveLength(texts.length);
  return quietUntil(all, now);
}

describe("quiet hours", () => {
  test.each<[string, string[], number, number | null]>([
    ["within a day", ["09:00-17:00"], at(MON, 10), at(MON, 17)],
    ["before it", ["09:00-17:00"], at(MON, 8, 59), null],
    ["its end is no part of it", ["09:00-17:00"], at(MON, 17), null],
    ["over midnight, in the evening", ["22:00-07:00"], at(MON, 23), at(MON + 1, 7)],
    ["over midnight, in the morning", ["22:00-07:00"], at(MON, 6, 30), at(MON, 7)],
    ["until the day's end", ["18:00-24:00"], at(MON, 20), at(MON + 1, 0)],
    ["only on some days", ["Mon-Fri 08:00-12:00"], at(SAT, 9), null],
    ["on one of them", ["Mon-Fri 08:00-12:00"], at(FRI, 9), at(FRI, 12)],
    ["a night belongs to the day it begins on", ["Fri 22:00-04:00"], at(SAT, 3), at(SAT, 4)],
    ["and not to the one before", ["Fri 22:00-04:00"], at(FRI, 3), null],
    ["days over the week's end", ["Sat-Mon 00:00-24:00"], at(SUN, 5), at(MON + 1, 0)],
    ["a list of days", ["Sat,Sun 10:00-18:00"], at(SUN, 11), at(SUN, 18)],
    ["spans that meet", ["08:00-12:00", "12:00-13:00"], at(MON, 11), at(MON, 13)],
    ["always", ["00:00-24:00"], at(MON, 11), Number.POSITIVE_INFINITY],
    ["none", [], at(MON, 11), null],
  ])("%s", (_name, texts, now, expected) => {
    expect(until(texts, now)).toBe(expected);
  });

  test.each([
    "",
    "22-7",
    "25:00-26:00",
    "10:60-11:00",
    "24:00-01:00",
    "Mo 10:00-11:00",
    "Mon- 10:00-11:00",
    "10:00",
  ])("%j is refused", (text) => {
    expect(parseQuietHours(text)).toBeNull();
  });
});
