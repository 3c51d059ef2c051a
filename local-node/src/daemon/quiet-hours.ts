/** A span of the week in which the owner wants the machine for himself; minutes of the day in local time. */
interface QuietHours {
  /** 0 is Sunday; the days on which it begins. */
  days: ReadonlySet<number>;
  fromMinute: number;
  /** At or below `fromMinute`: on the next day. */
  toMinute: number;
}

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const EVERY_DAY = new Set([0, 1, 2, 3, 4, 5, 6]);
const FORM = /^(?:([a-z,-]+)\s+)?(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$/i;
const MINUTE_MS = 60_000;
const WEEK_MINUTES = 7 * 24 * 60;

/** Reads `22:00-07:00`, `Mon-Fri 08:30-17:00` or `Sat,Sun 10:00-24:00`; null when it is none of these. */
export function parseQuietHours(text: string): QuietHours | null {
  const match = FORM.exec(text.trim());
  if (match === null) return null;
  const [, names, fromHour, fromPart, toHour, toPart] = match;
  const days = names === undefined ? EVERY_DAY : parseDays(names);
  const fromMinute = minuteOf(fromHour, fromPart);
  const toMinute = minuteOf(toHour, toPart);
  if (days === null || fromMinute === null || toMinute === null || fromMinute === 24 * 60) return null;
  return { days, fromMinute, toMinute };
}

function minuteOf(hour = "", part = ""): number | null {
  const minute = Number(hour) * 60 + Number(part);
  return Number(part) < 60 && minute <= 24 * 60 ? minute : null;
}

/** `Sat,Sun` and `Mon-Fri`, over the end of the week too. */
function parseDays(text: string): Set<number> | null {
  const days = new Set<number>();
  for (const part of text.toLowerCase().split(",")) {
    const [first = -1, last = first] = part.split("-").map((name) => DAYS.indexOf(name));
    if (first < 0 || last < 0) return null;
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === last) break;
    }
  }
  return days;
}

function isQuiet(hours: QuietHours, at: Date): boolean {
  const minute = at.getHours() * 60 + at.getMinutes();
  const today = hours.days.has(at.getDay());
  if (hours.toMinute > hours.fromMinute) {
    return today && minute >= hours.fromMinute && minute < hours.toMinute;
  }
  const beganYesterday = hours.days.has((at.getDay() + 6) % 7);
  return (today && minute >= hours.fromMinute) || (beganYesterday && minute < hours.toMinute);
}

/**
 * Until when it is quiet, in milliseconds since the epoch; null when it is not quiet now. `Infinity` where the spans
 * cover the whole week.
 */
export function quietUntil(all: readonly QuietHours[], now: number): number | null {
  const quietAt = (ms: number): boolean => all.some((hours) => isQuiet(hours, new Date(ms)));
  if (!quietAt(now)) return null;
  const minute = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  for (let step = 1; step <= WEEK_MINUTES; step++) {
    const at = minute + step * MINUTE_MS;
    if (!quietAt(at)) return at;
  }
  return Number.POSITIVE_INFINITY;
}
