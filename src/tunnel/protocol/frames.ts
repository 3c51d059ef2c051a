/**
 * The frames of the tunnel: type (1 byte), stream (4 bytes, big endian), payload length (4 bytes, big endian),
 * payload. One WebSocket message carries one or more whole frames; the stream between the tunnel's object and
 * the Worker carries the same frames cut at any byte. Stream 0 is the connection itself.
 */
export const FRAME = {
  requestHead: 1,
  requestBody: 2,
  requestEnd: 3,
  responseHead: 4,
  responseBody: 5,
  responseEnd: 6,
  cancel: 7,
  window: 8,
  error: 9,
  goAway: 10,
  welcome: 11,
  state: 12,
} as const;

export type FrameType = (typeof FRAME)[keyof typeof FRAME];

export const FRAME_HEADER_BYTES = 9;

/** The longest payload of one frame, in bytes. */
export const MAX_PAYLOAD_BYTES = 64 * 1024;

/** The highest stream id; ids are unsigned 32-bit integers. */
export const MAX_STREAM = 0xffff_ffff;

const HIGHEST_TYPE = FRAME.state;

export interface Frame {
  type: FrameType;
  stream: number;
  payload: Uint8Array;
}

export type ProtocolErrorCode =
  | "unknown_type"
  | "oversized_frame"
  | "truncated_frame"
  | "bad_payload"
  | "unexpected_frame"
  | "flow_control";

/** The peer broke the protocol: the connection is closed with `CLOSE.protocol`. */
export class ProtocolError extends Error {
  readonly code: ProtocolErrorCode;

  constructor(code: ProtocolErrorCode, message: string) {
    super(message);
    this.name = "ProtocolError";
    this.code = code;
  }
}

/** Writes a frame's header at `offset`; the payload belongs `FRAME_HEADER_BYTES` behind it. */
export function writeFrameHeader(
  target: Uint8Array,
  offset: number,
  type: FrameType,
  stream: number,
  length: number,
): void {
  target[offset] = type;
  writeUint32(target, offset + 1, stream);
  writeUint32(target, offset + 5, length);
}

/** One whole frame. @throws ProtocolError `oversized_frame`: a payload that does not fit was offered. */
export function encodeFrame(type: FrameType, stream: number, payload?: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = payload?.length ?? 0;
  if (length > MAX_PAYLOAD_BYTES) throw oversized(length);
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + length);
  writeFrameHeader(bytes, 0, type, stream, length);
  if (payload !== undefined) bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

/** Cuts a frame out of `bytes` at `offset`; null when it is not whole yet. @throws ProtocolError */
export function frameAt(bytes: Uint8Array, offset: number): Frame | null {
  if (offset >= bytes.length) return null;
  const type = bytes[offset] ?? 0;
  if (!isFrameType(type)) throw new ProtocolError("unknown_type", `Frame type ${type} is not known.`);
  if (bytes.length - offset < FRAME_HEADER_BYTES) return null;
  const length = readUint32(bytes, offset + 5);
  if (length > MAX_PAYLOAD_BYTES) throw oversized(length);
  const start = offset + FRAME_HEADER_BYTES;
  if (bytes.length - start < length) return null;
  return { type, stream: readUint32(bytes, offset + 1), payload: bytes.subarray(start, start + length) };
}

/** The frames of one WebSocket message, which must hold whole frames. Payloads share its memory. @throws ProtocolError */
export function decodeMessage(message: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  let offset = 0;
  while (offset < message.length) {
    const frame = frameAt(message, offset);
    if (frame === null)
      throw new ProtocolError("truncated_frame", "A message ended in the middle of a frame.");
    frames.push(frame);
    offset += FRAME_HEADER_BYTES + frame.payload.length;
  }
  return frames;
}

/** Reads frames from a byte stream that is cut anywhere; holds at most one incomplete frame. */
export class FrameDecoder {
  #rest: Uint8Array = new Uint8Array(0);

  /** The frames that became whole with `chunk`; payloads may share its memory. @throws ProtocolError */
  push(chunk: Uint8Array): Frame[] {
    const bytes = this.#rest.length === 0 ? chunk : concatBytes([this.#rest, chunk]);
    const frames: Frame[] = [];
    let offset = 0;
    for (let frame = frameAt(bytes, offset); frame !== null; frame = frameAt(bytes, offset)) {
      frames.push(frame);
      offset += FRAME_HEADER_BYTES + frame.payload.length;
    }
    this.#rest = offset === bytes.length ? new Uint8Array(0) : bytes.slice(offset);
    return frames;
  }

  /** Bytes of a frame that has not ended yet; 0 at a frame boundary. */
  get pendingBytes(): number {
    return this.#rest.length;
  }
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

export function readUint32(bytes: Uint8Array, offset: number): number {
  return (
    (((bytes[offset] ?? 0) << 24) |
      ((bytes[offset + 1] ?? 0) << 16) |
      ((bytes[offset + 2] ?? 0) << 8) |
      (bytes[offset + 3] ?? 0)) >>>
    0
  );
}

export function writeUint32(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
}

function isFrameType(type: number): type is FrameType {
  return type >= FRAME.requestHead && type <= HIGHEST_TYPE;
}

function oversized(length: number): ProtocolError {
  return new ProtocolError(
    "oversized_frame",
    `A frame of ${length} bytes exceeds the limit of ${MAX_PAYLOAD_BYTES}.`,
  );
}
