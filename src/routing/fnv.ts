/** FNV-1a over UTF-16 units, 32 bits: the same text gives the same number on every isolate. No secret is safe in it. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash ^= text.charCodeAt(at);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

/** Spreads close hashes (MurmurHash3's finaliser). */
export function mix(hash: number): number {
  let h = hash;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A text as a number in [0, 1), evenly spread: 53 bits from two hashes of it. */
export function unitHash(text: string): number {
  const high = mix(fnv1a(text)) >>> 5;
  const low = mix(fnv1a(`${text}\n`)) >>> 6;
  return (high * 2 ** 26 + low) / 2 ** 53;
}
