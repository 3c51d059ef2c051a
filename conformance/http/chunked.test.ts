import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dechunk } from "./chunked.ts";

const chunked = (parts: readonly Uint8Array[], trailers = ""): Buffer =>
  Buffer.concat([
    ...parts
      .filter((part) => part.length > 0)
      .flatMap((part) => [Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n")]),
    Buffer.from(`0\r\n${trailers}\r\n`),
  ]);

describe("a chunked body", () => {
  it("is what its chunks hold, and ends where it says", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.uint8Array(), (parts, next) => {
        const raw = chunked(parts);
        expect(dechunk(Buffer.concat([raw, next]))).toEqual({
          body: Buffer.concat(parts),
          used: raw.length,
          complete: true,
          malformed: false,
        });
      }),
    );
  });

  it("is not complete before its last byte", () => {
    const raw = chunked([Buffer.from("hello"), Buffer.from("0\r\n\r\n")]);
    for (let size = 0; size < raw.length; size++)
      expect(dechunk(raw.subarray(0, size))).toMatchObject({ complete: false, malformed: false });
  });

  it("may have trailers and extensions", () => {
    const raw = Buffer.from("5;a=b\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n");
    expect(dechunk(raw)).toMatchObject({ complete: true, used: raw.length });
  });

  it.each(["zz\r\nhello\r\n", "5\r\nhelloXX0\r\n\r\n", "\r\n5\r\nhello\r\n"])("is malformed: %j", (raw) => {
    expect(dechunk(Buffer.from(raw))).toMatchObject({ complete: false, malformed: true });
  });
});
