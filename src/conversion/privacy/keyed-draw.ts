import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";

/** Characters that follow from a key and a value alone: the same each time, and nobody without the key can try values. */
export interface Draw {
  /** A number from 0 up to and without `limit`, at most 65,536. */
  below(limit: number): number;
  digits(count: number): string;
  /** A letter for each letter, in its case, a digit for each digit; all other characters stay. */
  like(shape: string): string;
}

const ENCODER = new TextEncoder();
const LOWER = "abcdefghijklmnopqrstuvwxyz";
const HEX_ONLY = /^(?:[0-9a-f]*|[0-9A-F]*)$/;

/**
 * Draws by HMAC-SHA-256 under `seed` (RFC 2104), in counter mode: `draw(value)` begins anew for each value.
 * The synchronous library and not WebCrypto, since text is replaced within parsers.
 */
export function keyedDraws(seed: string): (value: string) => Draw {
  const key = ENCODER.encode(seed);
  return (value) => {
    let block: Uint8Array = new Uint8Array(0);
    let at = 0;
    let counter = 0;
    const byte = (): number => {
      if (at === block.length) {
        block = hmac(sha256, key, ENCODER.encode(`${counter++}\n${value}`));
        at = 0;
      }
      return block[at++] ?? 0;
    };
    const below = (limit: number): number => ((byte() << 16) | (byte() << 8) | byte()) % limit;
    const letter = (isHex: boolean): string => LOWER[below(isHex ? 6 : 26)] ?? "a";
    return {
      below,
      digits: (count) => Array.from({ length: count }, () => below(10)).join(""),
      like(shape) {
        const isHex = HEX_ONLY.test(shape);
        let text = "";
        for (const char of shape) {
          if (char >= "0" && char <= "9") text += below(10);
          else if (char >= "a" && char <= "z") text += letter(isHex);
          else if (char >= "A" && char <= "Z") text += letter(isHex).toUpperCase();
          else text += /\p{L}/u.test(char) ? letter(false) : char;
        }
        return text;
      },
    };
  };
}
