/** Two lanes of 32 bits: together a name of 64 for things of which there are millions at most. No secret is safe in it. */
export interface Hash {
  high: number;
  low: number;
}

export const EMPTY: Hash = { high: 0x9e3779b9, low: 0x85ebca6b };

/** One 32-bit step of MurmurHash3's block function. */
export function mix(hash: number, value: number): number {
  let k = Math.imul(value, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const h = hash ^ Math.imul(k, 0x1b873593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** MurmurHash3's finaliser: every bit in depends on every bit before. */
export function finish(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export function add(hash: Hash, value: number): Hash {
  return { high: mix(hash.high, value), low: mix(hash.low, value ^ 0x5bd1e995) };
}

export function addText(hash: Hash, text: string): Hash {
  let { high, low } = hash;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    high = mix(high, code);
    low = mix(low, code ^ 0x5bd1e995);
  }
  // The length keeps ("ab", "c") and ("a", "bc") apart.
  return add({ high, low }, text.length);
}

/** Thirteen letters and digits. */
export function name(hash: Hash): string {
  const value = (BigInt(finish(hash.high)) << 32n) | BigInt(finish(hash.low));
  return value.toString(36).padStart(13, "0");
}
