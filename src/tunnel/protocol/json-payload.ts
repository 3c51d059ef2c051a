import type { ZodType } from "zod";
import { encodeFrame, type FrameType, MAX_PAYLOAD_BYTES, ProtocolError } from "./frames.ts";
import type { NodeSpan } from "./messages.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** A frame whose payload is JSON. @throws ProtocolError `oversized_frame` */
export function encodeJsonFrame(type: FrameType, stream: number, value: unknown): Uint8Array<ArrayBuffer> {
  return encodeFrame(type, stream, encoder.encode(JSON.stringify(value)));
}

/** Reads a JSON payload against its schema. @throws ProtocolError `bad_payload`, without the content in its message */
export function decodeJsonPayload<T>(schema: ZodType<T>, payload: Uint8Array): T {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(payload));
  } catch {
    throw new ProtocolError("bad_payload", "A payload is not JSON.");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => issue.path.join(".") || "(root)");
  throw new ProtocolError("bad_payload", `A payload breaks its schema at: ${fields.slice(0, 5).join(", ")}.`);
}

/** A JSON frame with `spans`, of which the last are left out where the frame would be too long. */
export function encodeWithSpans(options: {
  type: FrameType;
  stream: number;
  fields: Record<string, unknown>;
  spans: readonly NodeSpan[];
}): Uint8Array<ArrayBuffer> {
  let spans = options.spans.slice(0, 64);
  for (;;) {
    const payload = encoder.encode(JSON.stringify({ ...options.fields, spans }));
    if (payload.length <= MAX_PAYLOAD_BYTES || spans.length === 0) {
      return encodeFrame(options.type, options.stream, payload);
    }
    spans = spans.slice(0, Math.floor(spans.length / 2));
  }
}
