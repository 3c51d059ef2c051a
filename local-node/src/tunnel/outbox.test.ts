import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  concatBytes,
  decodeMessage,
  encodeFrame,
  FRAME,
  type Frame,
} from "../../../src/tunnel/protocol/frames.ts";
import { INITIAL_WINDOW } from "../../../src/tunnel/protocol/messages.ts";
import { BUSY_GATHER_MS, GATHER_MS, type Lane, Outbox } from "./outbox.ts";

/** An outbox on a clock and a socket that the test moves. */
function setUp() {
  let now = 0;
  let buffered = 0;
  const tasks: { at: number; run: () => void }[] = [];
  const messages: { at: number; frames: Frame[] }[] = [];
  const taken: (() => void)[] = [];
  const outbox = new Outbox({
    write: (bytes, written) => {
      messages.push({ at: now, frames: decodeMessage(bytes.slice()) });
      taken.push(written);
    },
    bufferedBytes: () => buffered,
    now: () => now,
    soon: (run) => tasks.push({ at: now, run }),
    after: (ms, run) => tasks.push({ at: now + ms, run }),
  });
  const advance = (ms: number): void => {
    now += ms;
    for (
      let due = tasks.findIndex((task) => task.at <= now);
      due >= 0;
      due = tasks.findIndex((t) => t.at <= now)
    ) {
      tasks.splice(due, 1)[0]?.run();
    }
  };
  const frames = (): Frame[] => messages.flatMap((message) => message.frames);
  return {
    outbox,
    messages,
    frames,
    advance,
    lane: (stream: number): Lane => outbox.lane(stream, () => undefined),
    socket: (bytes: number): void => {
      buffered = bytes;
    },
    takenAll: (): void => {
      for (const written of taken.splice(0)) written();
    },
  };
}

function bodyOf(frames: Frame[], stream: number): Uint8Array {
  return concatBytes(
    frames
      .filter((one) => one.stream === stream && one.type === FRAME.responseBody)
      .map((one) => one.payload),
  );
}

describe("the outbox", () => {
  it("sends a lone token without waiting, and gathers those that follow at once", async () => {
    const { lane, advance, messages } = setUp();
    const first = lane(1);
    await first.write(Uint8Array.of(1));
    advance(0);
    expect(messages.map((message) => message.at)).toEqual([0]);
    await first.write(Uint8Array.of(2));
    await first.write(Uint8Array.of(3));
    advance(GATHER_MS - 0.5);
    expect(messages).toHaveLength(1);
    advance(0.5);
    expect(messages).toHaveLength(2);
    expect(messages[1]?.frames.map((frame) => [...frame.payload])).toEqual([[2, 3]]);
    advance(100);
    await first.write(Uint8Array.of(4));
    advance(0);
    expect(messages).toHaveLength(3);
  });

  it("sends the first token of a stream without waiting, though others gather and its head waits with them", async () => {
    const { lane, advance, messages } = setUp();
    const [early, late] = [lane(1), lane(2)];
    await early.write(Uint8Array.of(1));
    advance(0);
    await early.write(Uint8Array.of(2));
    late.head(encodeFrame(FRAME.responseHead, 2));
    advance(GATHER_MS / 4);
    expect(messages).toHaveLength(1);
    await late.write(Uint8Array.of(3));
    advance(0);
    expect(messages[1]?.at).toBe(GATHER_MS / 4);
    expect(messages[1]?.frames.map(({ stream, type }) => [stream, type])).toEqual([
      [1, FRAME.responseBody],
      [2, FRAME.responseHead],
      [2, FRAME.responseBody],
    ]);
    // The gathering that it overtook ends in nothing; the next token is gathered anew.
    await late.write(Uint8Array.of(4));
    advance(GATHER_MS * 0.9);
    expect(messages).toHaveLength(2);
    advance(GATHER_MS);
    expect(messages).toHaveLength(3);
  });

  it("gathers for longer while many streams talk at once, and no longer than that", async () => {
    const { lane, advance, messages } = setUp();
    const lanes = Array.from({ length: 8 }, (_, index) => lane(index + 1));
    const all = () => Promise.all(lanes.map((each) => each.write(Uint8Array.of(1))));
    const [first] = lanes;
    await all();
    advance(0);
    await all();
    advance(BUSY_GATHER_MS - 0.5);
    expect(messages).toHaveLength(1);
    advance(0.5);
    expect(messages.map((message) => message.frames.length)).toEqual([8, 8]);
    await first?.write(Uint8Array.of(2));
    advance(BUSY_GATHER_MS);
    await first?.write(Uint8Array.of(3));
    advance(GATHER_MS);
    expect(messages).toHaveLength(4);
  });

  it("keeps every stream's bytes whole and in order, head first and end last, whatever is written", async () => {
    const writes = fc.array(
      fc.record({ stream: fc.integer({ min: 1, max: 4 }), size: fc.integer({ min: 1, max: 40_000 }) }),
      {
        maxLength: 12,
      },
    );
    await fc.assert(
      fc.asyncProperty(writes, async (list) => {
        const { lane, advance, frames } = setUp();
        const lanes = new Map([1, 2, 3, 4].map((stream) => [stream, lane(stream)]));
        const expected = new Map<number, Uint8Array[]>();
        for (const [stream, one] of lanes) one.head(encodeFrame(FRAME.responseHead, stream));
        for (const [index, { stream, size }] of list.entries()) {
          const bytes = new Uint8Array(size).fill(index + 1);
          expected.set(stream, [...(expected.get(stream) ?? []), bytes]);
          const written = lanes.get(stream)?.write(bytes);
          advance(GATHER_MS);
          lanes.get(stream)?.grant(size);
          advance(GATHER_MS);
          await written;
        }
        for (const [stream, one] of lanes) one.finish(encodeFrame(FRAME.responseEnd, stream));
        advance(GATHER_MS);
        for (const stream of lanes.keys()) {
          const own = frames().filter((frame) => frame.stream === stream);
          expect(own[0]?.type).toBe(FRAME.responseHead);
          expect(own.at(-1)?.type).toBe(FRAME.responseEnd);
          expect(bodyOf(own, stream)).toEqual(concatBytes(expected.get(stream) ?? []));
        }
      }),
      { numRuns: 50 },
    );
  });

  it("lets a neighbour's token pass a fast stream", () => {
    const { lane, advance, messages } = setUp();
    const fast = lane(1);
    const slow = lane(2);
    fast.write(new Uint8Array(250_000)).catch(() => undefined);
    slow.write(Uint8Array.of(9)).catch(() => undefined);
    advance(0);
    const order = messages[0]?.frames.map((frame) => frame.stream) ?? [];
    expect(order.indexOf(2)).toBe(1);
    expect(order.lastIndexOf(1)).toBeGreaterThan(1);
  });

  it("sends no more than the credit, then goes on when some is returned", () => {
    const { lane, advance, frames } = setUp();
    const one = lane(1);
    one.write(new Uint8Array(INITIAL_WINDOW + 1_000)).catch(() => undefined);
    one.finish(encodeFrame(FRAME.responseEnd, 1));
    advance(1_000);
    expect(bodyOf(frames(), 1)).toHaveLength(INITIAL_WINDOW);
    expect(frames().at(-1)?.type).toBe(FRAME.responseBody);
    one.grant(600);
    advance(1_000);
    expect(bodyOf(frames(), 1)).toHaveLength(INITIAL_WINDOW + 600);
    one.grant(600);
    advance(1_000);
    expect(frames().at(-1)?.type).toBe(FRAME.responseEnd);
  });

  it("makes the writer wait while too much is queued, and frees it when the stream is aborted", async () => {
    const { lane, advance } = setUp();
    const one = lane(1);
    let waits = true;
    const written = one.write(new Uint8Array(INITIAL_WINDOW + 100_000)).then(() => {
      waits = false;
    });
    advance(1_000);
    await Promise.resolve();
    expect(waits).toBe(true);
    one.abort(encodeFrame(FRAME.error, 1));
    await written;
  });

  it("aborting drops the queued body, and the last word needs no credit", () => {
    const { lane, advance, frames } = setUp();
    const one = lane(1);
    one.write(new Uint8Array(INITIAL_WINDOW * 2)).catch(() => undefined);
    advance(1_000);
    one.abort(encodeFrame(FRAME.error, 1));
    advance(1_000);
    expect(bodyOf(frames(), 1)).toHaveLength(INITIAL_WINDOW);
    expect(frames().at(-1)?.type).toBe(FRAME.error);
  });

  it("writes nothing more while the socket is full, except when it has been taken", () => {
    const { outbox, lane, advance, messages, socket, takenAll } = setUp();
    lane(1)
      .write(Uint8Array.of(1))
      .catch(() => undefined);
    advance(0);
    socket(10_000_000);
    outbox.control(encodeFrame(FRAME.window, 1, new Uint8Array(4)));
    advance(1_000);
    expect(messages).toHaveLength(1);
    socket(0);
    takenAll();
    advance(1_000);
    expect(messages).toHaveLength(2);
  });

  it("says nothing after it was closed", () => {
    const { outbox, lane, advance, messages } = setUp();
    const one = lane(1);
    one.write(Uint8Array.of(1)).catch(() => undefined);
    outbox.close();
    advance(1_000);
    one.finish(encodeFrame(FRAME.responseEnd, 1));
    advance(1_000);
    expect(messages).toEqual([]);
  });
});
