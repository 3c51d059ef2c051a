import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, decodeMessage, FRAME, MAX_PAYLOAD_BYTES } from "./frames.ts";
import { decodeJsonPayload, encodeWithSpans } from "./json-payload.ts";
import { type RequestHead, requestHeadSchema, responseEndSchema } from "./messages.ts";
import { encodeRequest, stampStream } from "./request-frames.ts";

const head: RequestHead = {
  method: "POST",
  path: "/v1/chat/completions",
  headers: { a: "b" },
  deadlineMs: 5,
};

describe("a request", () => {
  it("is a head, its body in frames, and an end, all of one stream", () => {
    fc.assert(
      fc.property(fc.nat(3 * MAX_PAYLOAD_BYTES + 1), fc.nat(0xffff_ffff), (size, stream) => {
        const body = new Uint8Array(size).map((_, index) => index % 251);
        const request = encodeRequest(head, body);
        const spans = stampStream(request, stream);
        const frames = decodeMessage(request);
        const [first] = frames;
        expect(decodeJsonPayload(requestHeadSchema, first?.payload ?? new Uint8Array())).toEqual(head);
        expect(frames.every((frame) => frame.stream === stream)).toBe(true);
        expect(frames.at(-1)?.type).toBe(FRAME.requestEnd);
        const bodyFrames = frames.filter((frame) => frame.type === FRAME.requestBody);
        expect(concatBytes(bodyFrames.map((frame) => frame.payload))).toEqual(body);
        expect(spans.reduce((sum, span) => sum + span.credit, 0)).toBe(size);
        expect(spans.at(-1)?.end).toBe(request.length);
      }),
      { numRuns: 20 },
    );
  });

  it("that is not whole is refused", () => {
    const request = encodeRequest(head, new Uint8Array(10));
    expect(() => stampStream(request.subarray(0, -1), 1)).toThrow(
      expect.objectContaining({ code: "truncated_frame" }),
    );
  });

  it("whose head does not fit a frame is refused", () => {
    const huge = { ...head, headers: { a: "x".repeat(MAX_PAYLOAD_BYTES) } };
    expect(() => encodeRequest(huge, new Uint8Array())).toThrow(
      expect.objectContaining({ code: "oversized_frame" }),
    );
  });
});

describe("JSON payloads", () => {
  const empty = new Uint8Array();

  it("that break their schema name the fields, never the content", () => {
    const payload = new TextEncoder().encode(JSON.stringify({ ...head, deadlineMs: "canary" }));
    expect(() => decodeJsonPayload(requestHeadSchema, payload)).toThrow(/deadlineMs/);
    expect(() => decodeJsonPayload(requestHeadSchema, payload)).not.toThrow(/canary/);
    expect(() => decodeJsonPayload(requestHeadSchema, empty)).toThrow(
      expect.objectContaining({ code: "bad_payload" }),
    );
    expect(() => decodeJsonPayload(requestHeadSchema, Uint8Array.of(0xff, 0xfe))).toThrow(
      expect.objectContaining({ code: "bad_payload" }),
    );
  });

  it("lose their last spans rather than outgrow a frame", () => {
    const span = {
      spanId: "0123456789abcdef",
      parentSpanId: null,
      name: "n",
      kind: "internal" as const,
      startUs: 0,
      durationUs: 1,
      attributes: { text: "x".repeat(4_000) },
    };
    const spans = Array.from({ length: 64 }, (_, index) => ({ ...span, startUs: index }));
    const [frame] = decodeMessage(encodeWithSpans({ type: FRAME.responseEnd, stream: 1, fields: {}, spans }));
    const kept = decodeJsonPayload(responseEndSchema, frame?.payload ?? empty).spans;
    expect(kept.length).toBeGreaterThan(4);
    expect(kept.map((one) => one.startUs)).toEqual(kept.map((_, index) => index));
  });
});
