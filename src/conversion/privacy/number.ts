import { isCard } from "./card.ts";
import { isDigit, isWithinWord, isWord } from "./characters.ts";
import { type DigitGroups, digitGroups, digitsOf, measureNumber, sizesOf } from "./digit-groups.ts";
import { findIpv4, looksDotted } from "./ip.ts";
import { findNationalId, isSsn } from "./national-id.ts";
import { endOfPhone, PHONE_AFTER } from "./phone.ts";
import { type Found, isOpen, MORE, type View } from "./span.ts";

/** Nothing that is looked for has fewer. */
const LEAST_DIGITS = 7;

/** Whether the groups may begin here: not within another number, nor within a name that is joined by points or hyphens. */
function beginsHere(text: string, start: number): boolean {
  if (isWithinWord(text, start)) return false;
  return !("-./".includes(text[start - 1] ?? " ") && isDigit(text.charCodeAt(start - 2)));
}

/** Whether a number may end here: no letter, no address and no further digit hangs on it. */
function endsHere(text: string, end: number): boolean {
  if (isWord(text.charCodeAt(end)) || text[end] === "@") return false;
  return !("-.".includes(text[end] ?? " ") && isWord(text.charCodeAt(end + 1)));
}

const sameSeparator = ({ separators }: DigitGroups, count: number): boolean =>
  separators
    .slice(1, count)
    .every((between) => between === separators[1] && (between === " " || between === "-"));

/** Together, in fours, or as American Express and Diners write theirs. */
const CARD_SIZES = /^(?:1[2-9]|4,4,4,[1-4]|4,4,4,4,[1-3]|4,6,[45])$/;

function endOfCard(text: string, written: DigitGroups): number | null {
  for (let count = 1; count <= Math.min(5, written.groups.length); count++) {
    const group = written.groups[count - 1];
    if (group === undefined) return null;
    if (!CARD_SIZES.test(sizesOf(written, count)) || !sameSeparator(written, count)) continue;
    if (endsHere(text, group.end) && isCard(digitsOf(written, count))) return group.end;
  }
  return null;
}

const SSN_NAMED = /(?:\bssn|social[\s_-]?security|\bsocial)\W{0,4}(?:(?:no|nr|number|num|is)\W{1,4}){0,2}$/i;

function endOfSsn(text: string, written: DigitGroups): number | null {
  const [first, second, third] = written.groups;
  if (first === undefined) return null;
  const size = first.end - first.start;
  if (size === 9) {
    const named = SSN_NAMED.test(text.slice(Math.max(0, first.start - 40), first.start));
    return named && endsHere(text, first.end) && isSsn(digitsOf(written, 1)) ? first.end : null;
  }
  if (size !== 3 || second === undefined || third === undefined) return null;
  if (second.end - second.start !== 2 || third.end - third.start !== 4 || !sameSeparator(written, 3))
    return null;
  return endsHere(text, third.end) && isSsn(digitsOf(written, 3)) ? third.end : null;
}

/** A number that begins with the digit at `at`: an IPv4 address, a card, a social security or national number, a telephone. */
export function findNumber(view: View, at: number): Found {
  const { text } = view;
  const { length, digits } = measureNumber(text, at);
  const written = at + length;
  if (isOpen(view, written + PHONE_AFTER)) return MORE;
  if (looksDotted(text, at)) {
    const address = findIpv4(view, at);
    if (address !== null) return address;
  }
  if (digits < LEAST_DIGITS || !beginsHere(text, at)) return null;
  // A digit alone: France's numbers and North America's begin so.
  if (!isDigit(text.charCodeAt(at + 1)) && !/[12]/.test(text[at] ?? "")) return null;
  if (!isDigit(text.charCodeAt(at + 1)) && !isDigit(text.charCodeAt(at + 3))) return null;
  const groups = digitGroups(text, at, written);
  const card = endOfCard(text, groups);
  if (card !== null) return { kind: "card", start: at, end: card };
  const ssn = endOfSsn(text, groups);
  if (ssn !== null) return { kind: "ssn", start: at, end: ssn };
  const national = findNationalId(view, at);
  if (national !== null) return national;
  const phone = endOfPhone(text, groups);
  return phone === null ? null : { kind: "phone", start: at, end: phone };
}

const AREA = /\(\+?\d{1,5}\)/y;

/** A telephone number that begins with the `+` or `(` at `at`. */
export function findSignedNumber(view: View, at: number): Found {
  const { text } = view;
  if (isOpen(view, at + 7)) return MORE;
  AREA.lastIndex = at;
  if (text[at] === "(" && !AREA.test(text)) return null;
  const { length, digits } = measureNumber(text, at);
  const written = at + length;
  if (isOpen(view, written + PHONE_AFTER)) return MORE;
  if (digits < LEAST_DIGITS) return null;
  const phone = endOfPhone(text, digitGroups(text, at, written));
  return phone === null ? null : { kind: "phone", start: at, end: phone };
}
