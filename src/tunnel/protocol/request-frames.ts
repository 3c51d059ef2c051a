import {
  FRAME,
  FRAME_HEADER_BYTES,
  frameAt,
  MAX_PAYLOAD_BYTES,
  ProtocolError,
  writeFrameHeader,
  writeUint32,
} from "./frames.ts";
import type { RequestHead } from "./messages.ts";

/**
 * A whole request as frames in one buffer: head, body cut to frames, end. The stream id is not known to the Worker
 * who calls this; the node's object stamps it in place (`stampStream`), so the body is copied once.
 *
 * @throws ProtocolError `oversized_frame`: the head's JSON exceeds one frame.
 */
export function encodeRequest(head: RequestHead, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const headPayload = new TextEncoder().encode(JSON.stringify(head));
  if (headPayload.length > MAX_PAYLOAD_BYTES) {
    throw new ProtocolError("oversized_frame", `A request head of ${headPayload.length} bytes is too long.`);
  }
  const bodyFrames = Math.ceil(body.length / MAX_PAYLOAD_BYTES);
  const bytes = new Uint8Array(FRAME_HEADER_BYTES * (2 + bodyFrames) + headPayload.length + body.length);
  let offset = 0;
  const put = (type: 1 | 2 | 3, payload: Uint8Array): void => {
    writeFrameHeader(bytes, offset, type, 0, payload.length);
    bytes.set(payload, offset + FRAME_HEADER_BYTES);
    offset += FRAME_HEADER_BYTES + payload.length;
  };
  put(FRAME.requestHead, headPayload);
  for (let start = 0; start < body.length; start += MAX_PAYLOAD_BYTES) {
    put(FRAME.requestBody, body.subarray(start, start + MAX_PAYLOAD_BYTES));
  }
  put(FRAME.requestEnd, new Uint8Array(0));
  return bytes;
}

/** Where one frame of a request begins, and how many bytes of credit it needs. */
export interface RequestFrameSpan {
  start: number;
  end: number;
  credit: number;
}

/** Writes `stream` into every frame of `request` and says where the frames lie. @throws ProtocolError */
export function stampStream(request: Uint8Array, stream: number): RequestFrameSpan[] {
  const spans: RequestFrameSpan[] = [];
  let offset = 0;
  for (let frame = frameAt(request, offset); frame !== null; frame = frameAt(request, offset)) {
    const end = offset + FRAME_HEADER_BYTES + frame.payload.length;
    const credit = frame.type === FRAME.requestBody ? frame.payload.length : 0;
    spans.push({ start: offset, end, credit });
    writeUint32(request, offset + 1, stream);
    offset = end;
  }
  if (offset !== request.length || spans.length < 2) {
    throw new ProtocolError("truncated_frame", "A request is not made of whole frames.");
  }
  return spans;
}
