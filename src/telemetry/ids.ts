/** Makes W3C trace context ids: lower-case hex, never all zeros. */
export interface TraceIds {
  /** 32 hex digits. */
  traceId(): string;
  /** 16 hex digits. */
  spanId(): string;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const pool = new Uint8Array(2048);
let used = pool.length;

/** Random ids from a pool, since one call of the random source per id costs more than the span it names. */
export const randomIds: TraceIds = {
  traceId: () => randomHex(16),
  spanId: () => randomHex(8),
};

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  let hex = "";
  let any = 0;
  for (let index = used; index < used + bytes; index++) {
    const byte = pool[index] ?? 0;
    any |= byte;
    hex += HEX[byte];
  }
  used += bytes;
  return any === 0 ? randomHex(bytes) : hex;
}
