import fc from "fast-check";
import { expect, it } from "vitest";
import { createByteLog } from "./byte-log.ts";

it("keeps the first bytes of the pieces, up to its limit", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 6_000 }), { maxLength: 8 });
  fc.assert(
    fc.property(pieces, fc.nat(20_000), (parts, limit) => {
      const log = createByteLog(limit);
      for (const part of parts) log.add(part);
      expect(Buffer.compare(log.bytes(), Buffer.concat(parts).subarray(0, limit))).toBe(0);
    }),
  );
});

it("does not keep the memory that a piece is a part of", () => {
  const log = createByteLog(256 * 1024);
  const piece = new Uint8Array(64 * 1024).subarray(0, 10);
  log.add(piece);
  piece[0] = 1;
  expect(log.bytes()[0]).toBe(0);
  expect(log.bytes().buffer.byteLength).toBeLessThan(64 * 1024);
});
