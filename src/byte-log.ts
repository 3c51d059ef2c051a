/** The first bytes of something that comes in pieces. */
export interface ByteLog {
  add(bytes: Uint8Array): void;
  /** What was kept so far; shares the log's memory. */
  bytes(): Uint8Array;
}

const FIRST_BYTES = 4 * 1024;

/**
 * Keeps at most `limit` bytes, copied: a piece may be a view of a larger buffer, and keeping the view would keep all
 * of that.
 */
export function createByteLog(limit: number): ByteLog {
  let kept = new Uint8Array(0);
  let length = 0;
  return {
    add(bytes) {
      const part = bytes.length > limit - length ? bytes.subarray(0, limit - length) : bytes;
      if (part.length === 0) return;
      if (length + part.length > kept.length) {
        const larger = new Uint8Array(
          Math.min(limit, Math.max(FIRST_BYTES, length + part.length, kept.length * 2)),
        );
        larger.set(kept.subarray(0, length));
        kept = larger;
      }
      kept.set(part, length);
      length += part.length;
    },
    bytes: () => kept.subarray(0, length),
  };
}
