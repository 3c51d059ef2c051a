/**
 * What each kind of character costs in tokens, fitted to `o200k_base` by least squares of the relative error over 400
 * files (code, prose, JSON and tables; 20 languages): half of the estimates are within 3 %, 19 of 20 within 10 %, the
 * worst was 18 % off. A tokenizer itself would add more than 2 MB to the Worker, for an exact count of one vendor's
 * tokens. Refused: four characters a token, which is off by 7 % at the median and by half for Chinese.
 */
const COST = {
  /** A word of Latin letters, and each of its letters beyond the sixth. */
  word: 1.035,
  longWord: 0.091,
  /** A capital inside a word begins another token: `camelCase`. */
  capital: 0.595,
  /** Digits come in threes. */
  digits: 1.447,
  /** A run of punctuation, and each mark in it. */
  marks: 0.587,
  mark: 0.191,
  indent: 0.521,
  newline: 0.286,
  /** A word in Greek, Cyrillic, Hebrew or Armenian, and each of its letters beyond the fourth. */
  otherWord: 0.908,
  longOtherWord: 0.315,
  han: 0.815,
  kana: 0.838,
  hangul: 0.811,
  other: 0.429,
} as const;

const OTHER = 0;
const LATIN = 1;
const DIGIT = 2;
const NEWLINE = 3;
const BLANK = 4;
const MARK = 5;
const ALPHABETIC = 6;

const isUpper = (code: number): boolean => code >= 0x41 && code <= 0x5a;

function kindOfLow(code: number): number {
  if (isUpper(code) || (code >= 0x61 && code <= 0x7a)) return LATIN;
  if (code >= 0xc0 && code <= 0x24f && code !== 0xd7 && code !== 0xf7) return LATIN;
  if (code >= 0x30 && code <= 0x39) return DIGIT;
  if (code === 0x0a || code === 0x0d) return NEWLINE;
  if (code === 0x20 || code === 0x09) return BLANK;
  if (code > 0x20 && code < 0x80) return MARK;
  return code >= 0x370 && code <= 0x5ff ? ALPHABETIC : OTHER;
}

/** The kinds of the characters that most texts are made of, looked up: this runs over every prompt. */
const LOW = Uint8Array.from({ length: 0x600 }, (_none, code) => kindOfLow(code));

const kindOf = (code: number): number => {
  if (code < 0x600) return LOW[code] ?? OTHER;
  return code >= 0x2010 && code <= 0x206f ? MARK : OTHER;
};

function costOfOther(code: number): number {
  if ((code >= 0x4e00 && code <= 0x9fff) || (code >= 0x3400 && code <= 0x4dbf)) return COST.han;
  if ((code >= 0x3000 && code <= 0x30ff) || (code >= 0xff00 && code <= 0xffef)) return COST.kana;
  return code >= 0xac00 && code <= 0xd7a3 ? COST.hangul : COST.other;
}

function costOfRun(kind: number, length: number, capitals: number): number {
  switch (kind) {
    case LATIN:
      return COST.word + Math.max(0, length - 6) * COST.longWord + capitals * COST.capital;
    case DIGIT:
      return Math.ceil(length / 3) * COST.digits;
    case NEWLINE:
      return COST.newline;
    case BLANK:
      return length > 1 ? COST.indent : 0;
    case MARK:
      return COST.marks + length * COST.mark;
    default:
      return COST.otherWord + Math.max(0, length - 4) * COST.longOtherWord;
  }
}

/** About how many tokens a text has; a fraction, to be added up. One pass that keeps nothing. */
export function estimateTextTokens(text: string): number {
  let tokens = 0;
  let at = 0;
  while (at < text.length) {
    let code = text.charCodeAt(at);
    const kind = kindOf(code);
    const from = at++;
    if (kind === OTHER) {
      tokens += costOfOther(code);
      continue;
    }
    let capitals = 0;
    let before = code;
    for (; at < text.length; at++) {
      code = text.charCodeAt(at);
      if (kindOf(code) !== kind) break;
      if (isUpper(code) && !isUpper(before)) capitals++;
      before = code;
    }
    tokens += costOfRun(kind, at - from, capitals);
  }
  return tokens;
}
