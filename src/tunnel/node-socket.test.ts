import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Attachment, NodeSocket } from "./node-socket.ts";
import { concatBytes, decodeMessage, encodeFrame, FRAME } from "./protocol/frames.ts";
import { encodeJsonFrame } from "./protocol/json-payload.ts";
import { encodeRequest } from "./protocol/request-frames.ts";

const ATTACHMENT: Attachment = { nodeId: "n", generation: 1, connectedAt: 0, epoch: 0, draining: false };

/** A node's socket whose other end is the test. */
function setUp() {
  const sent: Uint8Array[] = [];
  const socket = {
    readyState: WebSocket.OPEN,
    send: (bytes: Uint8Array) => sent.push(bytes.slice()),
    close: () => undefined,
    serializeAttachment: () => undefined,
  };
  const node = new NodeSocket({
    socket: socket as unknown as WebSocket,
    attachment: ATTACHMENT,
    events: { onState: () => undefined, onGoAway: () => undefined, onIdle: () => undefined },
  });
  const open = () =>
    node.open(encodeRequest({ method: "POST", path: "/", headers: {}, deadlineMs: 1 }, new Uint8Array(2)));
  const receive = (...frames: Uint8Array[]): Uint8Array => {
    const message = concatBytes(frames);
    node.receive(message.buffer, 0);
    return message;
  };
  return { node, open, receive, frames: () => sent.flatMap((bytes) => decodeMessage(bytes)) };
}

const head = (stream: number) => encodeJsonFrame(FRAME.responseHead, stream, { status: 200, headers: {} });
const body = (stream: number, bytes: Uint8Array) => encodeFrame(FRAME.responseBody, stream, bytes);
/** Time for what is queued to be delivered; no clock is moved. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

describe("a cancelled call", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("whose node stays silent has no last word: ours is not taken for the node's", async () => {
    const { node, open, frames } = setUp();
    const stream = open();
    const last = node.cancel(stream);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await last).toBeNull();
    expect(frames().at(-1)).toMatchObject({ type: FRAME.cancel, stream: stream.id });
    expect([stream.ended, node.activeStreams]).toEqual([true, 0]);
  });

  it("keeps the node's own last word, and waits no longer than for that", async () => {
    const { node, open, receive } = setUp();
    const stream = open();
    const last = node.cancel(stream);
    const error = { code: "cancelled", message: "Stopped.", retryable: false, spans: [] };
    receive(encodeJsonFrame(FRAME.error, stream.id, error));
    expect(await last).toEqual(error);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("frames of several calls in one message", () => {
  it("wait for their readers as copies: a slow reader does not keep the others' memory", async () => {
    const { open, receive } = setUp();
    const [slow, other] = [open(), open()];
    const large = new Uint8Array(60_000);
    const message = receive(
      head(slow.id),
      head(other.id),
      body(slow.id, Uint8Array.of(7)),
      body(other.id, large),
      body(slow.id, Uint8Array.of(8)),
    );
    // What waits is not changed by what becomes of the message either.
    message.fill(0xff);
    const { value } = await slow.body.getReader().read();
    expect(value?.buffer.byteLength).toBeLessThan(1_000);
    const bodies = decodeMessage(value ?? new Uint8Array()).filter(({ type }) => type === FRAME.responseBody);
    expect(bodies.map(({ payload }) => [...payload])).toEqual([[7], [8]]);
  });

  it("go to a waiting reader as they came, without a copy", async () => {
    const { open, receive } = setUp();
    const stream = open();
    const reading = stream.body.getReader().read();
    await settle();
    const message = receive(head(stream.id));
    expect((await reading).value?.buffer).toBe(message.buffer);
  });
});
