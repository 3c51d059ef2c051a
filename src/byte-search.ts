/**
 * Finds where a sequence begins in bytes, from an index on; -1 where it is not there. Mostly looks at one byte of as many
 * as the sequence has (R. N. Horspool, "Practical fast searching in strings", 1980), so that long texts cost little.
 */
export function byteSearch(wanted: Uint8Array): (bytes: Uint8Array, from?: number) => number {
  const size = wanted.length;
  if (size === 0) return (_bytes, from = 0) => from;
  /** How far the window moves when it ends in this byte. */
  const shifts = new Uint32Array(256).fill(size);
  for (const [at, byte] of wanted.subarray(0, -1).entries()) shifts[byte] = size - 1 - at;
  return (bytes, from = 0) => {
    for (let at = from; at + size <= bytes.length; at += shifts[bytes[at + size - 1] ?? 0] ?? size) {
      let same = size - 1;
      while (same >= 0 && bytes[at + same] === wanted[same]) same--;
      if (same < 0) return at;
    }
    return -1;
  };
}
