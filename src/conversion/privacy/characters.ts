/** What a UTF-16 unit is to the detector. */
export const OTHER = 0;
export const LETTER = 1;
export const DIGIT = 2;
/** Something may stand around it: `@`, `:`, `=`, `+`, `(`, `-`. */
export const SIGN = 3;

const ASCII = new Uint8Array(128);
for (let code = 0; code < 128; code++) {
  const char = String.fromCharCode(code);
  if (/[A-Za-z_]/.test(char)) ASCII[code] = LETTER;
  else if (/\d/.test(char)) ASCII[code] = DIGIT;
  else if (/[@:=+(-]/.test(char)) ASCII[code] = SIGN;
}

/**
 * By ranges, not by Unicode's tables: this runs for every character of every call. Ideographs and kana are no part of a
 * word, since a value stands beside them without a space.
 */
export function kindOf(code: number): number {
  if (code < 128) return ASCII[code] ?? OTHER;
  return (code >= 0xc0 && code < 0x2000) || (code >= 0xac00 && code < 0xd800) ? LETTER : OTHER;
}

export const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

/** A letter, a digit or `_`: what a value may not stand in the middle of. */
export function isWord(code: number): boolean {
  const kind = kindOf(code);
  return kind === LETTER || kind === DIGIT;
}

export const BACKSLASH = 0x5c;

/** Whether the character at `at` is the letter of an escape such as `\\n`: texts often hold other texts escaped. */
export const isEscape = (text: string, at: number): boolean =>
  text.charCodeAt(at - 1) === BACKSLASH && /[nrt]/.test(text[at] ?? "");

/** Whether what begins at `at` would begin within a word. */
export const isWithinWord = (text: string, at: number): boolean =>
  isWord(text.charCodeAt(at - 1)) && !isEscape(text, at - 1);

/** A set of ASCII characters, by its expression: `charset("A-Za-z0-9_-")`. */
export type Charset = Uint8Array;

export function charset(expression: string): Charset {
  const set = new Uint8Array(128);
  const matches = new RegExp(`[${expression}]`);
  for (let code = 0; code < 128; code++) if (matches.test(String.fromCharCode(code))) set[code] = 1;
  return set;
}

/** Index after the run of these characters that begins at `from`, at most `most` of them. */
export function endOfRun(text: string, from: number, set: Charset, most: number): number {
  const limit = Math.min(text.length, from + most);
  let at = from;
  while (at < limit && set[text.charCodeAt(at)] === 1) at++;
  return at;
}

/** Index of the first character of the run that ends at `to`, at most `most` of them. */
export function startOfRun(text: string, to: number, set: Charset, most: number): number {
  const limit = Math.max(0, to - most);
  let at = to;
  while (at > limit && set[text.charCodeAt(at - 1)] === 1) at--;
  return at;
}
