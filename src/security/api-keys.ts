import { keyedHash, PURPOSE, type Secrets, toHex } from "./derive.ts";

const PREFIX = "rl_";
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** 33 base62 digits hold 196 random bits. */
const RANDOM_DIGITS = 33;
/** A CRC-32 in base62, as GitHub's tokens carry it: a typo is refused without a look-up. */
const CHECKSUM_DIGITS = 6;
const SHOWN_CHARACTERS = 9;

export interface NewApiKey {
  /** The whole key; shown once and stored nowhere. */
  key: string;
  /** For lists: recognises the key, opens nothing. */
  prefix: string;
}

/** A new key: `rl_`, at least 192 random bits in base62, and a checksum. */
export function createApiKey(options?: { randomBytes?: (length: number) => Uint8Array }): NewApiKey {
  const randomBytes =
    options?.randomBytes ?? ((length: number) => crypto.getRandomValues(new Uint8Array(length)));
  let digits = "";
  while (digits.length < RANDOM_DIGITS) {
    for (const byte of randomBytes(RANDOM_DIGITS)) {
      // 248 is the largest multiple of 62 in a byte: the rest is thrown away, or the first digits would be likelier.
      if (byte < 248 && digits.length < RANDOM_DIGITS) digits += ALPHABET.charAt(byte % 62);
    }
  }
  const body = PREFIX + digits;
  const key = body + checksum(body);
  return { key, prefix: key.slice(0, SHOWN_CHARACTERS) };
}

/** Whether a text is a key that some Routelet could have issued: form and checksum, no secret. */
export function isWellFormedApiKey(text: string): boolean {
  if (text.length !== PREFIX.length + RANDOM_DIGITS + CHECKSUM_DIGITS) return false;
  if (!text.startsWith(PREFIX) || !/^[0-9A-Za-z]+$/.test(text.slice(PREFIX.length))) return false;
  return checksum(text.slice(0, -CHECKSUM_DIGITS)) === text.slice(-CHECKSUM_DIGITS);
}

/**
 * The stored form of a key, in hex: HMAC-SHA-256 under the pepper. The second hash, under the previous secret,
 * finds keys that were stored before the last rotation; null when there was none.
 */
export async function hashApiKey(options: {
  secrets: Secrets;
  key: string;
}): Promise<{ current: string; previous: string | null }> {
  const { secrets, key } = options;
  const hash = async (secret: string) =>
    toHex(await keyedHash({ secret, info: PURPOSE.keyPepper, text: key }));
  return {
    current: await hash(secrets.current),
    previous: secrets.previous === null ? null : await hash(secrets.previous),
  };
}

function checksum(text: string): string {
  let value = crc32(new TextEncoder().encode(text));
  let digits = "";
  for (let digit = 0; digit < CHECKSUM_DIGITS; digit++) {
    digits = ALPHABET.charAt(value % 62) + digits;
    value = Math.floor(value / 62);
  }
  return digits;
}

/** CRC-32 as in ISO-HDLC (zip, PNG, Ethernet). */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
