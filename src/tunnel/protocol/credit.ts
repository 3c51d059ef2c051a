import { encodeFrame, FRAME, ProtocolError, readUint32, writeUint32 } from "./frames.ts";
import { INITIAL_WINDOW } from "./messages.ts";

/** More credit than this at once is an error of the peer, as in HTTP/2 (RFC 9113 section 6.9.1). */
const MAX_CREDIT = 0x7fff_ffff;

/** The sender's half of flow control on one stream in one direction: how many body bytes may go out now. */
export class SendCredit {
  #available: number = INITIAL_WINDOW;

  get available(): number {
    return this.#available;
  }

  spend(bytes: number): void {
    if (bytes > this.#available)
      throw new RangeError(`${bytes} bytes exceed the credit of ${this.#available}.`);
    this.#available -= bytes;
  }

  /** @throws ProtocolError `flow_control`: no sane peer grants that much. */
  grant(bytes: number): void {
    if (bytes === 0 || this.#available + bytes > MAX_CREDIT) {
      throw new ProtocolError("flow_control", `A window of ${bytes} bytes was granted.`);
    }
    this.#available += bytes;
  }
}

/** The receiver's half: notices a sender who exceeds its credit and says when to return some. */
export class ReceiveCredit {
  /** What the sender may still send, as far as it was told. */
  #outstanding: number = INITIAL_WINDOW;
  /** What was read since credit was last returned. */
  #read = 0;

  /** @throws ProtocolError `flow_control`: more arrived than was granted. */
  receive(bytes: number): void {
    if (bytes > this.#outstanding) {
      throw new ProtocolError("flow_control", `${bytes} bytes arrived with credit for ${this.#outstanding}.`);
    }
    this.#outstanding -= bytes;
  }

  /** Notes that the reader took `bytes`; returns what to grant now: 0, or at least half a window at once. */
  consume(bytes: number): number {
    this.#read += bytes;
    if (this.#read < INITIAL_WINDOW / 2) return 0;
    const grant = this.#read;
    this.#read = 0;
    this.#outstanding += grant;
    return grant;
  }
}

export function encodeWindow(stream: number, bytes: number): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(4);
  writeUint32(payload, 0, bytes);
  return encodeFrame(FRAME.window, stream, payload);
}

/** @throws ProtocolError `bad_payload` */
export function decodeWindow(payload: Uint8Array): number {
  if (payload.length !== 4) throw new ProtocolError("bad_payload", "A window payload has 4 bytes.");
  return readUint32(payload, 0);
}
