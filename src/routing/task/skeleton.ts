import {
  DIGIT,
  FULL_STOP,
  IDEOGRAPH,
  kindOf,
  LETTER,
  lowerCase,
  NEWLINE,
  SIGN,
  SPACE,
} from "./characters.ts";
import { finish, mix } from "./hash.ts";

/** Prompts are read from both ends: what a framework wrote stands there, what it pasted mostly between. In UTF-16 units. */
const HEAD_CHARS = 12_288;
const TAIL_CHARS = 4_096;
const HEAD_UNITS = 96;
const TAIL_UNITS = 32;
/** A line without an end (minified data, lists of words) is cut. */
const MAX_WORDS = 48;
/** A quotation mark whose other half is further away, or on another line, is an apostrophe or an inch. */
const MAX_QUOTE = 400;

/** What stands in place of what changes. */
const MASK = { value: 1, text: 2, link: 3 } as const;

const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const COLON = 0x3a;
const BACKTICK = 0x60;
const BACKSLASH = 0x5c;
const SLASH = 0x2f;
const AT = 0x40;
const CLOSING: Record<number, number> = {
  [QUOTE]: QUOTE,
  [BACKTICK]: BACKTICK,
  [APOSTROPHE]: APOSTROPHE,
  171: 0xbb,
  8220: 0x201d,
  12300: 0x300d,
};

/** Ends of sentences, where white space follows. */
const isStop = (code: number): boolean =>
  code === 0x2e || code === 0x21 || code === 0x3f || code === 0x3b || code === COLON;

function hashWord(word: string): number {
  let hash = 0;
  for (let at = 0; at < word.length; at++) hash = mix(hash, word.charCodeAt(at));
  return hash;
}

/** English names of days and months: with the numbers beside them they are dates. */
const DATE_WORDS: ReadonlySet<number> = new Set(
  "january february march april june july august september october november december monday tuesday wednesday thursday friday saturday sunday jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun"
    .split(" ")
    .map(hashWord),
);

/** Index of the sign that closes a quotation on the same line, or -1. */
function closingQuote(text: string, open: number, end: number, sign: number): number {
  const last = Math.min(end, open + MAX_QUOTE);
  for (let at = open + 1; at < last; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === sign) return at;
    else if (code === 0x0a) return -1;
  }
  return -1;
}

/** Whether a quotation is the name of a field: the value changes from call to call, the name does not. */
function isFieldName(text: string, close: number): boolean {
  let at = close + 1;
  while (kindOf(text.charCodeAt(at)) === SPACE) at++;
  return text.charCodeAt(at) === COLON;
}

/** Index of the next white space. */
function endOfWord(text: string, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const kind = kindOf(text.charCodeAt(at));
    if (kind === SPACE || kind === NEWLINE) return at;
    at++;
  }
  return end;
}

/** Index after a number, a date, a version, an id: digits, and letters and signs among them. */
function endOfValue(text: string, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const kind = kindOf(text.charCodeAt(at));
    if (kind === LETTER || kind === DIGIT) at++;
    else if (kind === SIGN && kindOf(text.charCodeAt(at + 1)) === DIGIT) at += 2;
    else return at;
  }
  return end;
}

/** A unit's hash; its lowest four bits say how many words it has (15: fifteen or more). */
function unitOf(hash: number, words: number): number {
  return ((finish(mix(hash, words)) & ~WORD_BITS) | Math.min(words, WORD_BITS)) >>> 0;
}

const WORD_BITS = 15;

/** How many words a unit has, up to fifteen: a sentence says more than a heading. */
export const wordsOfUnit = (unit: number): number => unit & WORD_BITS;

/** Adds the units between two places of a text to `units`. One pass; the state is in plain numbers, since it runs for every call. */
function scan(text: string, from: number, end: number, units: number[]): void {
  let unit = 0;
  let words = 0;
  let length = 0;
  let lastMask = 0;
  let fieldNameEnds = -1;
  const endUnit = (): void => {
    if (words > 0) units.push(unitOf(unit, words));
    unit = 0;
    words = 0;
    length = 0;
    lastMask = 0;
  };
  const addWord = (hash: number): void => {
    unit = mix(unit, hash);
    words++;
    length++;
    lastMask = 0;
    if (length >= MAX_WORDS) endUnit();
  };
  // Numbering before the first word does not count, and a list of values is as good as one.
  const addMask = (mask: number): void => {
    if (words === 0 || mask === lastMask) return;
    unit = mix(unit, mask);
    lastMask = mask;
  };
  let at = from;
  while (at < end) {
    const code = text.charCodeAt(at);
    const kind = kindOf(code);
    if (kind === LETTER) {
      let hash = 0;
      let next = code;
      let nextKind = kind;
      let letters = at;
      while (nextKind === LETTER) {
        hash = mix(hash, lowerCase(next));
        letters++;
        next = letters < end ? text.charCodeAt(letters) : 0;
        nextKind = kindOf(next);
        // An apostrophe within a word.
        if (next === APOSTROPHE && letters + 1 < end && kindOf(text.charCodeAt(letters + 1)) === LETTER) {
          letters++;
          next = text.charCodeAt(letters);
          nextKind = LETTER;
        }
      }
      at = letters;
      if (nextKind === DIGIT) {
        at = endOfValue(text, at, end);
        addMask(MASK.value);
      } else if (
        (next === COLON && text.charCodeAt(at + 1) === SLASH && text.charCodeAt(at + 2) === SLASH) ||
        (next === AT && kindOf(text.charCodeAt(at + 1)) !== SPACE)
      ) {
        at = endOfWord(text, at, end);
        addMask(MASK.link);
      } else if (DATE_WORDS.has(hash)) addMask(MASK.value);
      else addWord(hash);
    } else if (kind === SPACE) at++;
    else if (kind === NEWLINE || kind === FULL_STOP) {
      endUnit();
      at++;
    } else if (kind === DIGIT) {
      at = endOfValue(text, at, end);
      addMask(MASK.value);
    } else if (kind === IDEOGRAPH) {
      addWord(code);
      at++;
    } else {
      const close = CLOSING[code];
      if (code === BACKTICK && text.startsWith("```", at)) {
        endUnit();
        const fence = text.indexOf("```", at + 3);
        at = fence < 0 || fence >= end ? end : fence + 3;
      } else if (close !== undefined && at !== fieldNameEnds) {
        const quoteEnds = closingQuote(text, at, end, close);
        if (quoteEnds < 0) at++;
        else if (code === QUOTE && isFieldName(text, quoteEnds)) {
          fieldNameEnds = quoteEnds;
          at++;
        } else {
          addMask(MASK.text);
          at = quoteEnds + 1;
        }
      } else {
        at++;
        if (isStop(code)) {
          const after = at < end ? kindOf(text.charCodeAt(at)) : NEWLINE;
          if (after === SPACE || after === NEWLINE) endUnit();
        }
      }
    }
  }
  endUnit();
}

/**
 * What stays of a prompt when that is taken out which changes from call to call: each line and sentence as a hash of its
 * words, in order, none twice. Numbers, ids, dates, quoted strings, code and links are masked; case, bullets, numbering
 * and markup do not count; names of fields do. Of a long prompt the two ends are read (16,384 UTF-16 units in all), so
 * that a megabyte costs no more than a page.
 *
 * Stored and compared for as long as there are calls: a change here gives every task another key, so its version
 * (`SKELETON_VERSION`) and the test vectors change with it.
 */
export function skeletonOf(text: string): Uint32Array {
  const units: number[] = [];
  if (text.length <= HEAD_CHARS + TAIL_CHARS) scan(text, 0, text.length, units);
  else {
    scan(text, 0, HEAD_CHARS, units);
    units.length = Math.min(units.length, HEAD_UNITS);
    // From the next line on, so that no unit begins in the middle of one.
    const start = text.length - TAIL_CHARS;
    const line = text.indexOf("\n", start);
    scan(text, line < 0 ? start : line, text.length, units);
  }
  const distinct = [...new Set(units)];
  if (distinct.length <= HEAD_UNITS + TAIL_UNITS) return Uint32Array.from(distinct);
  return Uint32Array.from([...distinct.slice(0, HEAD_UNITS), ...distinct.slice(-TAIL_UNITS)]);
}

/** Part of every key. */
export const SKELETON_VERSION = 1;
