import { mix } from "../fnv.ts";

/** Texts longer than this are read at both ends: instructions stand first, the question often last. */
const HEAD = 3_072;
const TAIL = 1_024;

/** Where n-grams are counted: the same one twice is counted once. */
const SEEN_BITS = 15;
export const GRAMS = 1 << SEEN_BITS;

/** Counts of characters by kind, which say what sort of text it is. */
export interface TextShape {
  length: number;
  digits: number;
  capitals: number;
  marks: number;
  quotes: number;
  lines: number;
  words: number;
  letters: number;
  distinctWords: number;
}

export interface PromptWords {
  /** Distinct hashes of words and pairs of words, below `GRAMS`. */
  grams: number[];
  /** How much each may say, with a sign that is random in the hash: long words are rarer and say more than short ones. */
  weights: number[];
  shape: TextShape;
}

/** Words of this length and more say all that a word can. */
const LONG_WORD = 8;
/** What numbers and marks say, beside a long word. */
const MARK_WEIGHT = 0.3;
/** What a sign says in scripts where each stands for a word or half of one. */
const SIGN_WEIGHT = 0.5;

/*
 * One call is read at a time and nothing waits in between, so that one table serves all: a slot is taken in this reading
 * if it bears this reading's number.
 */
const seen = new Uint32Array(GRAMS);
let reading = 0;

const isDigit = (code: number): boolean => code >= 48 && code <= 57;
const isCapital = (code: number): boolean => code >= 65 && code <= 90;
const isSmall = (code: number): boolean => code >= 97 && code <= 122;
const isQuote = (code: number): boolean => code === 34 || code === 39 || code === 96;
/** Scripts that set no spaces: each sign is a word. */
const standsAlone = (code: number): boolean =>
  (code >= 0x2e80 && code <= 0xa4cf) ||
  (code >= 0xac00 && code <= 0xd7af) ||
  (code >= 0xf900 && code <= 0xfaff);

function endsOf(text: string): string {
  return text.length <= HEAD + TAIL ? text : `${text.slice(0, HEAD)}\n${text.slice(-TAIL)}`;
}

/**
 * Reads a text once, character by character: its words and pairs of words as signed hashes (feature hashing, K.
 * Weinberger et al. 2009) and its shape. Bounded by `HEAD` and `TAIL` whatever its length; small and capital letters
 * are one, numbers are words, other signs stand alone.
 */
export function promptWords(whole: string): PromptWords {
  const text = endsOf(whole);
  reading = (reading + 1) >>> 0;
  if (reading === 0) {
    seen.fill(0);
    reading = 1;
  }
  const grams: number[] = [];
  const weights: number[] = [];
  const shape: TextShape = {
    length: text.length,
    digits: 0,
    capitals: 0,
    marks: 0,
    quotes: 0,
    lines: 1,
    words: 0,
    letters: 0,
    distinctWords: 0,
  };
  /** Takes a hash; says whether it was new. */
  const take = (hash: number, weight: number): boolean => {
    const slot = hash & (GRAMS - 1);
    if (seen[slot] === reading) return false;
    seen[slot] = reading;
    grams.push(slot);
    weights.push(hash >>> 31 === 0 ? weight : -weight);
    return true;
  };
  let word = 0;
  let length = 0;
  let open: "letters" | "digits" | null = null;
  let before = { hash: 0, weight: 0 };
  const close = (weight: number): void => {
    const hash = mix(word);
    shape.words += 1;
    if (take(hash, weight)) shape.distinctWords += 1;
    if (shape.words > 1) take(mix(Math.imul(before.hash, 31) + hash), Math.min(weight, before.weight));
    before = { hash, weight };
    open = null;
    length = 0;
  };
  const weightOfOpen = (): number =>
    open === "letters" ? Math.min(length, LONG_WORD) / LONG_WORD : MARK_WEIGHT;
  const add = (code: number): void => {
    word = Math.imul((open === null ? 0x811c9dc5 : word) ^ code, 0x01000193);
    length += 1;
  };
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const capital = isCapital(code);
    const kind = isDigit(code) ? "digits" : capital || isSmall(code) || code > 127 ? "letters" : null;
    if (open !== null && (kind !== open || standsAlone(code))) close(weightOfOpen());
    if (kind !== null) {
      add(capital ? code | 32 : code);
      open = kind;
      if (kind === "digits") shape.digits += 1;
      else shape.letters += 1;
      if (capital) shape.capitals += 1;
      if (standsAlone(code)) close(SIGN_WEIGHT);
    } else if (code > 32) {
      add(code);
      close(MARK_WEIGHT);
      shape.marks += 1;
      if (isQuote(code)) shape.quotes += 1;
    } else if (code === 10) shape.lines += 1;
  }
  if (open !== null) close(weightOfOpen());
  return { grams, weights, shape };
}
