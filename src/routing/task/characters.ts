/** What a UTF-16 unit is to a skeleton. */
export const SIGN = 0;
export const LETTER = 1;
export const DIGIT = 2;
export const SPACE = 3;
export const NEWLINE = 4;
/** Of a script without spaces: each is a word. */
export const IDEOGRAPH = 5;
/** Ends a sentence without a space after it. */
export const FULL_STOP = 6;

const ASCII = new Uint8Array(128);
for (let code = 0; code < 128; code++) {
  const char = String.fromCharCode(code);
  if (/[A-Za-z_]/.test(char)) ASCII[code] = LETTER;
  else if (/\d/.test(char)) ASCII[code] = DIGIT;
  else if (/[\n\r]/.test(char)) ASCII[code] = NEWLINE;
  else if (/\s/.test(char)) ASCII[code] = SPACE;
}

const FULL_STOPS = new Set([..."。！？；："].map((char) => char.charCodeAt(0)));

function kindBeyondAscii(code: number): number {
  if (code < 0xc0) return code === 0xa0 || code === 0x85 ? SPACE : SIGN;
  if (code < 0x2000) return code >= 0x0e00 && code < 0x0e80 ? IDEOGRAPH : LETTER;
  if (code < 0x2e80) {
    if (code <= 0x200a || code === 0x202f) return SPACE;
    return code === 0x2028 || code === 0x2029 ? NEWLINE : SIGN;
  }
  if (code === 0x3000) return SPACE;
  if (code < 0x3040 || (code >= 0xff00 && code < 0xff21)) return FULL_STOPS.has(code) ? FULL_STOP : SIGN;
  if (code < 0xa000 || (code >= 0xf900 && code < 0xfb00)) return IDEOGRAPH;
  // Halves of surrogate pairs (emoji, rare ideographs), Korean, and everything else.
  return LETTER;
}

/** By ranges, not by Unicode's tables: this runs for every character of every prompt. */
export const kindOf = (code: number): number => (code < 128 ? (ASCII[code] ?? SIGN) : kindBeyondAscii(code));

/** The small letter, for ASCII, Latin-1, Greek and Cyrillic; other scripts have no case or are rare in capitals. */
export function lowerCase(code: number): number {
  if (code < 0x5b) return code > 0x40 ? code | 0x20 : code;
  if (code < 0xc0) return code;
  const capital = code < 0xdf || (code > 0x390 && code < 0x3aa) || (code > 0x40f && code < 0x430);
  return capital && code !== 0xd7 ? code + 0x20 : code;
}
