/** Crockford's base32, in order of its characters: text order is number order. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_DIGITS = 10;
const RANDOM_DIGITS = 16;

/** What `sortableId` gives, as a pattern to build on. */
export const SORTABLE_ID = "[0-9a-hjkmnp-tv-z]{26}";

/** A ULID in small letters: 48 bits of milliseconds and 80 random bits, so that ids sort by time. */
export function sortableId(now: number): string {
  let random = "";
  for (const byte of crypto.getRandomValues(new Uint8Array(RANDOM_DIGITS))) random += ALPHABET[byte & 31];
  return timeDigits(now) + random;
}

/** The part of a sortable id that its time decides: no id of that time or later is smaller. */
export function timeDigits(time: number): string {
  return toBase32({ value: Math.max(0, Math.floor(time)), digits: TIME_DIGITS });
}

export function toBase32(options: { value: number; digits: number }): string {
  let text = "";
  let rest = options.value;
  for (let digit = 0; digit < options.digits; digit++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

export function fromBase32(text: string): number {
  return [...text].reduce((value, digit) => value * 32 + ALPHABET.indexOf(digit), 0);
}
