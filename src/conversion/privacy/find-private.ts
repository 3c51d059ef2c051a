import {
  BACKSLASH,
  DIGIT,
  isDigit,
  isEscape,
  isWithinWord,
  isWord,
  kindOf,
  LETTER,
  OTHER,
} from "./characters.ts";
import { findEmail, startOfAddress } from "./email.ts";
import { findIban } from "./iban.ts";
import { findIpv6 } from "./ip.ts";
import { findNationalId } from "./national-id.ts";
import { findNumber, findSignedNumber } from "./number.ts";
import { findAssignedSecret, findSpokenSecret, startsSpokenSecret } from "./secret-assignments.ts";
import { findJwt, findPrefixedSecret, findPrivateKey, startsSecret } from "./secret-prefixes.ts";
import { type Found, MORE, type Span, type View } from "./span.ts";
import { findUrl, findWww, startOfScheme } from "./url.ts";

type Finder = (view: View, at: number) => Found;

/** The first that finds something, or cannot say yet. */
function first(view: View, at: number, finders: readonly Finder[]): Found {
  for (const find of finders) {
    const found = find(view, at);
    if (found !== null) return found;
  }
  return null;
}

/** How many characters of a word say which finders are asked. */
const WORD_HEAD = 8;

const isAt = (text: string, at: number, lower: number): boolean => (text.charCodeAt(at) | 0x20) === lower;

/** What may begin with a word. */
function findAtWord(view: View, at: number): Found {
  const { text, final } = view;
  if (!final && at + WORD_HEAD > text.length) return MORE;
  const one = text.charCodeAt(at);
  const two = text.charCodeAt(at + 1);
  if (startsSecret(one, two)) {
    const secret = findPrefixedSecret(view, at);
    if (secret !== null) return secret;
  }
  if (one === 0x65 && two === 0x79) return findJwt(view, at);
  if (isDigit(text.charCodeAt(at + 2)) && isDigit(text.charCodeAt(at + 3))) {
    const iban = findIban(view, at);
    if (iban !== null) return iban;
  }
  if (isAt(text, at, 0x77) && isAt(text, at + 2, 0x77) && text[at + 3] === ".") return findWww(view, at);
  // An Italian code has six letters and a digit, a Spanish one a letter and digits.
  if (isDigit(text.charCodeAt(at + 6)) && one < 0x5b) {
    const id = findNationalId(view, at);
    if (id !== null) return id;
  }
  return startsSpokenSecret(text, at) ? findSpokenSecret(view, at) : null;
}

const AROUND_COLON: readonly Finder[] = [findUrl, findIpv6, findAssignedSecret];

/** What may stand around a sign. */
function findAtSign(view: View, at: number): Found {
  const { text, final } = view;
  switch (text[at]) {
    case "@":
      return findEmail(view, at);
    case ":":
      return first(view, at, AROUND_COLON);
    case "=":
      return findAssignedSecret(view, at);
    case "-":
      return findPrivateKey(view, at);
    default: {
      if (!final && at + 1 >= text.length) return MORE;
      const next = text.charCodeAt(at + 1);
      const isPair = (text[at] === "+" && text[at + 1] === "(") || (text[at] === "(" && text[at + 1] === "+");
      return isDigit(next) || isPair ? findSignedNumber(view, at) : null;
    }
  }
}

/** What was found of a text so far. */
export interface Scan {
  spans: Span[];
  /** Where to go on when more of the text is there. */
  at: number;
  /** What stands before it is in no span but those that were found. */
  safe: number;
}

/**
 * Finds what is private in `view` from `at` on, left to right; where two kinds could stand, the one that begins to show
 * first. One pass, with bounded looks around: the time grows with the length of the text, whatever stands in it.
 */
export function scan(view: View, at: number): Scan {
  const { text, final } = view;
  const { length } = text;
  const spans: Span[] = [];
  let index = at;
  let { from } = view;
  let within = { ...view };
  while (index < length) {
    const kind = kindOf(text.charCodeAt(index));
    if (kind === OTHER) {
      // The letter of an escape begins no word, and ends before what follows it.
      if (text.charCodeAt(index) === BACKSLASH) {
        if (index + 1 >= length && !final) break;
        if (isEscape(text, index + 1)) index++;
      }
      index++;
      continue;
    }
    let found: Found = null;
    const isWordKind = kind === LETTER || kind === DIGIT;
    if (!isWordKind) found = findAtSign(within, index);
    else if (!isWithinWord(text, index))
      found = kind === LETTER ? findAtWord(within, index) : findNumber(within, index);
    if (found === MORE) break;
    if (found !== null) {
      spans.push(found);
      index = from = found.end;
      within = { text, final, from };
      continue;
    }
    index++;
    if (isWordKind) while (index < length && isWord(text.charCodeAt(index))) index++;
  }
  const safe = final
    ? length
    : Math.max(from, Math.min(startOfAddress(within, index), startOfScheme(within, index)));
  return { spans, at: index, safe };
}

/** What is private in a text: cards, accounts, addresses, numbers to call, identity numbers, links and secrets. */
export const findPrivate = (text: string): Span[] => scan({ text, final: true, from: 0 }, 0).spans;
