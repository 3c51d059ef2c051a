import { isDigit, isWithinWord, isWord } from "./characters.ts";
import { type DigitGroups, digitsOf, sizesOf } from "./digit-groups.ts";
import { sortBefore } from "./number-words.ts";

/** Country calling codes (ITU-T E.164, annex to Operational Bulletin 1114), unassigned ones of a block included. */
const CALLING_CODE =
  /^(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|2[1-69]\d|3[578]\d|42\d|5[09]\d|6[7-9]\d|8[0578]\d|96\d|97\d|99[2-68])/;

const CALLED_AFTER = /^\s?[-–([/,]?\s?(?:office|fax|mobile|cell|home|work|direct|phone|tel|whatsapp)\b/i;

/** How far after a number its sort may be said. */
export const PHONE_AFTER = 14;

const DATE =
  /^(?:(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:0?[1-9]|[12]\d|3[01])(?!\d)|(?:0?[1-9]|[12]\d|3[01])[-./ ](?:0?[1-9]|[12]\d|3[01])[-./ ](?:19|20)\d\d(?!\d))/;

/** A number of more groups is hardly longer; what follows it after a space is another number. */
const LONGEST_GROUPED = 13;

/** `+41 …` or `(+41) …`. */
const isPlus = (text: string, start: number): boolean =>
  text[start] === "+" || (text[start] === "(" && text[start + 1] === "+");

/** A number in the international form, `+` or `00` and a country's code. */
function isInternational(text: string, start: number, digits: string, count: number): boolean {
  const most = count > 2 ? LONGEST_GROUPED : 15;
  if (isPlus(text, start)) return digits.length >= 8 && digits.length <= most && CALLING_CODE.test(digits);
  const rest = digits.slice(2);
  return (
    digits.startsWith("00") && count > 1 && rest.length >= 9 && rest.length <= 15 && CALLING_CODE.test(rest)
  );
}

/** `415-555-0123`, `(415) 555-0123`, `1 415 555 0123` (the North American plan: neither part begins with 0 or 1). */
const isNorthAmerican = (digits: string, sizes: string): boolean =>
  (/^(?:1,)?3,3,4$/.test(sizes) || /^(?:1,)?3,7$/.test(sizes)) && /^1?[2-9]\d{2}[2-9]\d{6}$/.test(digits);

/** A number with the prefix 0 of calls within a country, in groups: `0494 92 82 32`, `030/1234567`. */
const isNational = (digits: string, sizes: string): boolean =>
  /^0[1-9]/.test(digits) && digits.length >= 9 && digits.length <= 11 && /^[2-6](?:,[2-8]){1,4}$/.test(sizes);

/** An area in parentheses before the number: `(72) 754-186`. */
const hasArea = (text: string, { start, separators }: DigitGroups, digits: string, sizes: string): boolean =>
  text[start] === "(" &&
  /^[2-5],/.test(sizes) &&
  (separators[1] ?? "").startsWith(")") &&
  digits.length >= 7 &&
  digits.length <= 12;

/** Groups of two digits and more; the North American 1 apart. */
const NO_SINGLES = /^(?:1,(?=3))?(?:[2-9]|1\d)(?:,(?:[2-9]|1\d))*$/;

function mayBegin(text: string, start: number): boolean {
  if (isWithinWord(text, start) || "$€£¥#%+".includes(text[start - 1] ?? " ")) return false;
  return !("-./,:=".includes(text[start - 1] ?? " ") && isDigit(text.charCodeAt(start - 2)));
}

function mayEnd(text: string, end: number, more: boolean): boolean {
  const next = text[end] ?? " ";
  if (isWord(text.charCodeAt(end)) || "@%".includes(next)) return false;
  if (more && next !== " " && next !== "/") return false;
  return !("-.:,".includes(next) && isDigit(text.charCodeAt(end + 1)));
}

/** A desk behind the number: `x852`, ` ext. 852`. */
const EXTENSION = /(?: ?(?:x|ext\.?|extension) ?|#)\d{1,6}/iy;

function endWithExtension(text: string, end: number, isLast: boolean): number {
  EXTENSION.lastIndex = end;
  return end + (isLast ? (EXTENSION.exec(text)?.[0].length ?? 0) : 0);
}

/** The digits of a number, those of a desk behind it left out. */
export const phoneDigits = (written: string): string => written.replace(/[a-z#].*$/i, "").replace(/\D/g, "");

/**
 * Index after the telephone number that these groups begin with, null where they are none. In a form that only numbers to
 * call have, it stands anywhere; seven digits and more in any other form are one beside a word that says so.
 */
export function endOfPhone(text: string, written: DigitGroups): number | null {
  const { start, groups } = written;
  if (!mayBegin(text, start)) return null;
  let sort: ReturnType<typeof sortBefore> | null = null;
  for (let count = groups.length; count > 0; count--) {
    const isLast = count === groups.length;
    const end = endWithExtension(text, groups[count - 1]?.end ?? start, isLast);
    const digits = digitsOf(written, count);
    if (digits.length < 7) return null;
    if (digits.length > 17 || !mayEnd(text, end, !isLast)) continue;
    const sizes = sizesOf(written, count);
    if (
      isInternational(text, start, digits, count) ||
      isNorthAmerican(digits, sizes) ||
      isNational(digits, sizes) ||
      hasArea(text, written, digits, sizes)
    )
      return end;
    if (digits.length > 15 || !NO_SINGLES.test(sizes)) continue;
    sort ??= sortBefore(text, start);
    if (sort === "counted" || DATE.test(text.slice(start, end))) continue;
    if (sort === "called" || CALLED_AFTER.test(text.slice(end, end + PHONE_AFTER))) return end;
  }
  return null;
}

/** The digits by which a number is the same, with its country's code and without. */
export const phoneKey = (digits: string): string => digits.slice(-9);

/** Ranges that are kept for films and books: national digits, `x` drawn; by calling code. */
const FICTION: Record<string, string> = {
  "1": "2xx55501xx", // NANPA: 555-0100 to 555-0199
  "33": "19900xxxx", // ARCEP, decision 2018-0881
  "44": "7700900xxx", // Ofcom
  "49": "3023125xxx", // Bundesnetzagentur, Mitteilung 148/2021
  "61": "25550xxxx", // ACMA
};

const inGroups = (digits: string, ...sizes: number[]): string => {
  let from = 0;
  const groups = sizes.map((size) => {
    from += size;
    return digits.slice(from - size, from);
  });
  return groups.join("-");
};

/** A number of a range that is kept for fiction, of the same country where it has one, written alike where it fits. */
export function phoneSurrogate(original: string, draw: (count: number) => string): string {
  const written = original.replace(/\s?[a-z#].*$/i, "");
  const digits = phoneDigits(written);
  const drawn = draw(6);
  let next = 0;
  const national = (code: string): string => (FICTION[code] ?? "").replace(/x/g, () => drawn[next++] ?? "0");
  const alike = (number: string): string | null => {
    let at = 0;
    return number.length === digits.length ? written.replace(/\d/g, () => number[at++] ?? "") : null;
  };
  if (isPlus(written, 0)) {
    const code = Object.keys(FICTION).find((each) => digits.startsWith(each));
    if (code === undefined) return `+1 ${inGroups(national("1"), 3, 3, 4)}`;
    const number = code + national(code);
    return alike(number) ?? `+${number}`;
  }
  if (digits.startsWith("0")) {
    const number = `0${national("44")}`;
    return alike(number) ?? `${number.slice(0, 5)} ${number.slice(5)}`;
  }
  const number = national("1");
  return (
    alike(number.slice(3)) ??
    alike(number) ??
    (digits.startsWith("1") ? alike(`1${number}`) : null) ??
    inGroups(number, 3, 3, 4)
  );
}
