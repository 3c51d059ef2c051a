/**
 * First digits and the lengths of their numbers (ISO/IEC 7812-1: 3 travel, 4 and 5 banking, 6 trade). Wider than what the
 * networks say that they issue: a number that passes the check is better taken for a card than kept.
 */
const NETWORKS: readonly { first: RegExp; lengths: readonly number[] }[] = [
  { first: /^4/, lengths: [13, 16, 19] },
  { first: /^3/, lengths: [14, 15, 16, 19] },
  { first: /^5[1-5]/, lengths: [16] },
  { first: /^(?:50|5[6-8]|6|0604)/, lengths: [12, 13, 14, 15, 16, 17, 18, 19] },
  { first: /^(?:1800|2131)/, lengths: [15] },
  { first: /^(?:222[1-9]|22[3-9]|2[3-6]|27[01]|2720|9792)/, lengths: [16] },
];

/** The check digit that makes `digits` pass (ISO/IEC 7812-1 annex B, H. P. Luhn). */
export function luhnDigit(digits: string): string {
  let sum = 0;
  for (let at = digits.length - 1, double = true; at >= 0; at--, double = !double) {
    const digit = digits.charCodeAt(at) - 0x30;
    sum += double ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit;
  }
  return String((10 - (sum % 10)) % 10);
}

export const passesLuhn = (digits: string): boolean => luhnDigit(digits.slice(0, -1)) === digits.at(-1);

/** Whether digits are a payment card's number: first digits, a length that they have, the check digit. */
export const isCard = (digits: string): boolean =>
  NETWORKS.some(({ first, lengths }) => lengths.includes(digits.length) && first.test(digits)) &&
  passesLuhn(digits);

/** First digits that processors publish for tests, by the first digits that they stand for. */
const TEST_NUMBERS: readonly [pattern: RegExp, prefix: string][] = [
  [/^4/, "411111"],
  [/^3[47]/, "378282"],
  [/^35/, "353011"],
  [/^3/, "305693"],
  [/^(1800|2131)/, "180000"],
  [/^2/, "222300"],
  [/^5[1-5]/, "555555"],
  [/^(6011|64[4-9]|65)/, "601111"],
  [/^/, "675964"],
];

/** A number of the same network and length from its test range, with its check digit. `draw` gives that many digits. */
export function cardSurrogate(digits: string, draw: (count: number) => string): string {
  const prefix = TEST_NUMBERS.find(([pattern]) => pattern.test(digits))?.[1] ?? "675964";
  const body = prefix + draw(digits.length - prefix.length - 1);
  return body + luhnDigit(body);
}
