import { joinBytes } from "../bytes.ts";

const LF = 0x0a;
const CR = 0x0d;

export interface SseBlocks {
  /** Takes the next bytes and returns every event block that they completed, terminating blank line included. */
  push(chunk: Uint8Array): Uint8Array[];
  /** Bytes of a block that has no end yet. */
  rest(): Uint8Array;
}

/**
 * The largest event that is read, in bytes; a longer one is given on in pieces, unread: memory must not grow with what a
 * backend sends. An isolate has 128 MB for all that it does.
 */
export const MAX_PENDING_BYTES = 16 * 1024 * 1024;

/**
 * Cuts a byte stream of server-sent events after each blank line (WHATWG HTML section 9.2.6: lines end in
 * CRLF, LF or CR) without decoding it, so that the bytes of an event can be released exactly as they came.
 * What an event means is read by `eventsource-parser` on the side.
 */
export function createSseBlocks(): SseBlocks {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let lineEmpty = true;
  let lastWasCr = false;
  /** The blank line ended in CR: a LF that follows still belongs to it. */
  let endsAfterLf = false;
  let sawAnything = false;

  return {
    push(chunk) {
      const blocks: Uint8Array[] = [];
      let from = 0;
      const cutPending = () => {
        blocks.push(joinBytes(pending));
        pending = [];
        pendingBytes = 0;
      };
      const cut = (end: number) => {
        blocks.push(joinBytes([...pending, chunk.subarray(from, end)]));
        pending = [];
        pendingBytes = 0;
        from = end;
        sawAnything = false;
        lineEmpty = true;
      };
      for (let at = 0; at < chunk.length; at++) {
        const byte = chunk[at];
        if (endsAfterLf) {
          endsAfterLf = false;
          cut(byte === LF ? at + 1 : at);
          if (byte === LF) {
            lastWasCr = false;
            continue;
          }
        }
        if (byte === LF) {
          if (lastWasCr) {
            lastWasCr = false;
            continue;
          }
          if (lineEmpty && sawAnything) cut(at + 1);
          lineEmpty = true;
        } else if (byte === CR) {
          if (lineEmpty && sawAnything) endsAfterLf = true;
          lineEmpty = true;
          lastWasCr = true;
          continue;
        } else {
          lineEmpty = false;
          sawAnything = true;
        }
        lastWasCr = false;
      }
      if (from < chunk.length) {
        pending.push(chunk.subarray(from));
        pendingBytes += chunk.length - from;
        if (pendingBytes > MAX_PENDING_BYTES) cutPending();
      }
      return blocks;
    },
    rest() {
      return joinBytes(pending);
    },
  };
}
