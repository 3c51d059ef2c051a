import { describe, expect, it } from "vitest";
import { createBodyQueue } from "./body-queue.ts";

function setUp() {
  const seen: string[] = [];
  const queue = createBodyQueue({
    highBytes: 10,
    onPressure: (high) => seen.push(high ? "pause" : "resume"),
    onAbandoned: () => seen.push("abandoned"),
  });
  return { queue, seen };
}
const bytes = (length: number): Uint8Array => new Uint8Array(length);

describe("createBodyQueue", () => {
  it("gives chunks in order and ends", async () => {
    const { queue, seen } = setUp();
    queue.push(bytes(1));
    setImmediate(() => {
      queue.push(bytes(2));
      queue.end();
    });
    const sizes: number[] = [];
    for await (const chunk of queue.body) sizes.push(chunk.byteLength);
    expect(sizes).toEqual([1, 2]);
    expect(seen).toEqual([]);
  });

  it("asks for a pause above the limit, and to go on once half of it is read", async () => {
    const { queue, seen } = setUp();
    const reader = queue.body[Symbol.asyncIterator]();
    for (let index = 0; index < 4; index++) queue.push(bytes(4));
    expect(seen).toEqual(["pause"]);
    await reader.next();
    await reader.next();
    expect(seen).toEqual(["pause"]);
    await reader.next();
    expect(seen).toEqual(["pause", "resume"]);
  });

  it("says when its reader stops before the end, also before it began", async () => {
    const { queue, seen } = setUp();
    await queue.body[Symbol.asyncIterator]().return?.();
    expect(seen).toEqual(["abandoned"]);
    const ended = setUp();
    ended.queue.push(bytes(1));
    ended.queue.end();
    for await (const _ of ended.queue.body) break;
    expect(ended.seen).toEqual([]);
  });

  it("fails its reader at once, without what was still unread", async () => {
    const { queue } = setUp();
    queue.push(bytes(1));
    queue.fail(new Error("lost"));
    await expect(queue.body[Symbol.asyncIterator]().next()).rejects.toThrow("lost");
  });
});
