/** What a chunked body (RFC 9112 section 7.1) holds so far. */
export interface Dechunked {
  body: Buffer;
  /** Bytes of the input that belong to it; what follows is the next message. */
  used: number;
  /** The last chunk and its end have come. */
  complete: boolean;
  malformed: boolean;
}

/** Reads a chunked body from its first byte, as far as it has come. */
export function dechunk(raw: Buffer): Dechunked {
  const parts: Buffer[] = [];
  let at = 0;
  const result = (complete: boolean, malformed = false): Dechunked => ({
    body: Buffer.concat(parts),
    used: at,
    complete,
    malformed,
  });
  for (;;) {
    const line = raw.indexOf("\r\n", at);
    if (line < 0) return result(false);
    const head = raw.subarray(at, line).toString("latin1");
    const digits = /^[0-9a-f]+(?=$|;)/i.exec(head)?.[0];
    if (digits === undefined) return result(false, true);
    const size = Number.parseInt(digits, 16);
    if (size === 0) {
      // Trailers, if any, end with an empty line.
      const end = raw.subarray(line, line + 4).toString("latin1") === "\r\n\r\n" ? line + 4 : -1;
      const trailed = end < 0 ? raw.indexOf("\r\n\r\n", line) : -1;
      if (end < 0 && trailed < 0) return result(false);
      at = end < 0 ? trailed + 4 : end;
      return result(true);
    }
    const from = line + 2;
    if (raw.length < from + size + 2) {
      parts.push(raw.subarray(from, from + size));
      return result(false);
    }
    if (raw.subarray(from + size, from + size + 2).toString("latin1") !== "\r\n") return result(false, true);
    parts.push(raw.subarray(from, from + size));
    at = from + size + 2;
  }
}
