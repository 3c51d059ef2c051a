import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSseBlocks, MAX_PENDING_BYTES } from "./sse-blocks.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function run(text: string, sizes: number[]): { blocks: string[]; rest: string } {
  const bytes = encode(text);
  const splitter = createSseBlocks();
  const blocks: string[] = [];
  let at = 0;
  let turn = 0;
  while (at < bytes.length) {
    const size = sizes[turn++ % sizes.length] ?? 1;
    blocks.push(...splitter.push(bytes.subarray(at, at + size)).map(decode));
    at += size;
  }
  return { blocks, rest: decode(splitter.rest()) };
}

describe("createSseBlocks", () => {
  it.each([
    ["LF", "data: a\n\ndata: b\n\n", ["data: a\n\n", "data: b\n\n"], ""],
    ["CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", ["data: a\r\n\r\n", "data: b\r\n\r\n"], ""],
    ["several lines and a comment", ": hi\ndata: a\ndata: b\n\n", [": hi\ndata: a\ndata: b\n\n"], ""],
    ["an unterminated last event", "data: a\n\ndata: [DONE]\n", ["data: a\n\n"], "data: [DONE]\n"],
    ["blank lines before an event stay with it", "\n\ndata: a\n\n", ["\n\ndata: a\n\n"], ""],
  ])("cuts after blank lines: %s", (_name, text, blocks, rest) => {
    expect(run(text, [1_000])).toEqual({ blocks, rest });
    expect(run(text, [1])).toEqual({ blocks, rest });
  });

  it("takes a lone CR as a line end, decided by the byte that follows", () => {
    expect(run("data: a\r\rdata: b\r\r", [3])).toEqual({ blocks: ["data: a\r\r"], rest: "data: b\r\r" });
  });

  it("gives an event without an end on in pieces, so that memory does not grow with it", () => {
    const splitter = createSseBlocks();
    const piece = new Uint8Array(256 * 1024).fill(0x61);
    let given = 0;
    for (let at = 0; at < 40; at++) {
      for (const block of splitter.push(piece)) given += block.length;
      expect(splitter.rest().length).toBeLessThanOrEqual(MAX_PENDING_BYTES);
    }
    expect(given + splitter.rest().length).toBe(40 * piece.length);
  });

  it("loses and invents no byte, and cuts alike however the stream is chunked", () => {
    const piece = fc.constantFrom(
      'data: {"x":1}',
      "é€😀",
      ": c",
      "\n",
      "\r\n",
      "\n\n",
      "\r\n\r\n",
      "event: e",
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 30 }),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
        (pieces, sizes) => {
          const text = pieces.join("");
          const whole = run(text, [10_000]);
          const chunked = run(text, sizes);
          expect(chunked).toEqual(whole);
          expect(whole.blocks.join("") + whole.rest).toBe(text);
        },
      ),
    );
  });
});
