import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  concatBytes,
  decodeMessage,
  encodeFrame,
  FRAME,
  FRAME_HEADER_BYTES,
  type Frame,
  FrameDecoder,
  type FrameType,
  frameAt,
  MAX_PAYLOAD_BYTES,
  MAX_STREAM,
  ProtocolError,
  readUint32,
  writeFrameHeader,
  writeUint32,
} from "./frames.ts";

const types = Object.values(FRAME);
const frames = fc.array(
  fc.record({
    type: fc.constantFrom<FrameType>(...types),
    stream: fc.nat(MAX_STREAM),
    payload: fc.uint8Array({ maxLength: 300 }),
  }),
  { maxLength: 12 },
);

function encodeAll(list: Frame[]): Uint8Array {
  return concatBytes(list.map((frame) => encodeFrame(frame.type, frame.stream, frame.payload)));
}

function plain(list: Frame[]): { type: number; stream: number; payload: number[] }[] {
  return list.map((frame) => ({ ...frame, payload: [...frame.payload] }));
}

describe("frames", () => {
  it("come back from a message as they went in", () => {
    fc.assert(
      fc.property(frames, (list) => {
        expect(plain(decodeMessage(encodeAll(list)))).toEqual(plain(list));
      }),
    );
  });

  it("come back from a stream that is cut anywhere", () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(500), { maxLength: 40 }), (list, cuts) => {
        const bytes = encodeAll(list);
        const decoder = new FrameDecoder();
        const out: Frame[] = [];
        const edges = [...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        let from = 0;
        for (const edge of edges) {
          out.push(...decoder.push(bytes.slice(from, edge)));
          from = edge;
        }
        expect(plain(out)).toEqual(plain(list));
        expect(decoder.pendingBytes).toBe(0);
      }),
    );
  });

  it("carry a payload of exactly the limit, byte by byte at the edges", () => {
    const payload = new Uint8Array(MAX_PAYLOAD_BYTES).fill(7);
    const bytes = encodeFrame(FRAME.responseBody, MAX_STREAM, payload);
    const decoder = new FrameDecoder();
    expect(decoder.push(bytes.slice(0, 5))).toEqual([]);
    expect(decoder.push(bytes.slice(5, -1))).toEqual([]);
    const [frame] = decoder.push(bytes.slice(-1));
    expect(frame?.stream).toBe(MAX_STREAM);
    expect(frame?.payload.length).toBe(MAX_PAYLOAD_BYTES);
  });

  it("made of garbage are a protocol error or frames, never another throw, and never more than was sent", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }), (chunks) => {
        const decoder = new FrameDecoder();
        const sent = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
        let read = 0;
        try {
          for (const chunk of chunks) {
            for (const frame of decoder.push(chunk)) read += FRAME_HEADER_BYTES + frame.payload.length;
          }
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
          return;
        }
        expect(read + decoder.pendingBytes).toBe(sent);
      }),
    );
  });

  it("of an unknown type are refused at the first byte, before a length can make us wait", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 255 }).filter((type) => !types.some((known) => known === type)),
        (type) => {
          expect(() => new FrameDecoder().push(Uint8Array.of(type))).toThrow(
            expect.objectContaining({ code: "unknown_type" }),
          );
        },
      ),
    );
  });

  it("that claim more than the limit are refused from the header alone, before memory is spent on them", () => {
    fc.assert(
      fc.property(fc.integer({ min: MAX_PAYLOAD_BYTES + 1, max: 0xffff_ffff }), (length) => {
        const header = new Uint8Array(FRAME_HEADER_BYTES);
        writeFrameHeader(header, 0, FRAME.requestBody, 1, length);
        expect(() => frameAt(header, 0)).toThrow(expect.objectContaining({ code: "oversized_frame" }));
      }),
    );
    expect(() => encodeFrame(FRAME.state, 0, new Uint8Array(MAX_PAYLOAD_BYTES + 1))).toThrow(
      expect.objectContaining({ code: "oversized_frame" }),
    );
  });

  it("cut off by the end of a message are refused", () => {
    const bytes = encodeFrame(FRAME.error, 3, Uint8Array.of(1, 2, 3));
    for (let length = 1; length < bytes.length; length += 1) {
      expect(() => decodeMessage(bytes.slice(0, length))).toThrow(
        expect.objectContaining({ code: "truncated_frame" }),
      );
    }
  });
});

describe("32-bit integers", () => {
  it("are unsigned and big endian", () => {
    const bytes = new Uint8Array(6);
    writeUint32(bytes, 1, 0xfedc_ba98);
    expect([...bytes]).toEqual([0, 0xfe, 0xdc, 0xba, 0x98, 0]);
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), (value) => {
        writeUint32(bytes, 2, value);
        expect(readUint32(bytes, 2)).toBe(value);
      }),
    );
  });
});
