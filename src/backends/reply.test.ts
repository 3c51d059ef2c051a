import { describe, expect, it } from "vitest";
import type { ByteReader } from "../byte-reader.ts";
import { readToEnd, replyOf } from "./reply.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Gives its chunks one by one, then the end. */
function readerOf(...chunks: Uint8Array[]): ByteReader & { cancelled: boolean } {
  const left = [...chunks];
  return {
    cancelled: false,
    async read() {
      const value = left.shift();
      return value === undefined ? { done: true, value } : { done: false, value };
    },
    async cancel() {
      this.cancelled = true;
    },
  };
}

describe("a reply read to its end", () => {
  it("is all chunks in their order, up to the limit itself", async () => {
    const reader = readerOf(bytes("one "), bytes("two"));
    expect(await readToEnd(reader, 7)).toEqual(bytes("one two"));
    expect(reader.cancelled).toBe(false);
  });

  it("threat: one that never stops is cancelled at the limit, not kept", async () => {
    const reader = readerOf(bytes("one "), bytes("two"), bytes("three"));
    await expect(readToEnd(reader, 6)).rejects.toMatchObject({ code: "upstream_too_large" });
    expect(reader.cancelled).toBe(true);
    expect((await reader.read()).value).toEqual(bytes("three"));
  });

  it("without a body is empty, read either way", async () => {
    const none = () => replyOf(new Response(null, { status: 204 }));
    expect(await none().whole()).toHaveLength(0);
    expect((await none().reader().read()).done).toBe(true);
  });

  it("threat: one that declares more than may be kept is refused at its first chunk", async () => {
    let read = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          read += 1;
          controller.enqueue(bytes("x"));
        },
      },
      { highWaterMark: 0 },
    );
    const reply = replyOf(new Response(body, { headers: { "content-length": String(2 ** 30) } }));
    await expect(reply.whole()).rejects.toMatchObject({ code: "upstream_too_large" });
    expect(read).toBe(1);
  });
});
