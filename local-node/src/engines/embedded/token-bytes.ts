/**
 * The byte-level alphabet of GPT-2: printable bytes stand for themselves, all others for characters from U+0100 on,
 * in order.
 */
const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = (() => {
  const map = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
    map.set(String.fromCodePoint(isPrintable ? byte : next++), byte);
  }
  return map;
})();

const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/;
const encoder = new TextEncoder();

/**
 * The bytes that a token writes. `text` is what it detokenizes to; where that holds a part of a character, which no
 * string can, they are read from `spelling`, the token as the vocabulary has it: a byte token (`<0xE2>`) or the
 * byte-level alphabet.
 */
export function tokenBytes(text: string, spelling: string): number[] {
  if (!text.includes("\uFFFD")) return [...encoder.encode(text)];
  const byte = BYTE_TOKEN.exec(spelling)?.[1];
  if (byte !== undefined) return [Number.parseInt(byte, 16)];
  const bytes: number[] = [];
  for (const character of spelling) {
    const mapped = BYTE_OF_CHARACTER.get(character);
    if (mapped === undefined) return [...encoder.encode(text)];
    bytes.push(mapped);
  }
  return bytes;
}
