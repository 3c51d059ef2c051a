import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import {
  decodeMessage,
  encodeFrame,
  FRAME,
  type Frame,
  writeFrameHeader,
} from "../../../src/tunnel/protocol/frames.ts";
import { encodeJsonFrame } from "../../../src/tunnel/protocol/json-payload.ts";
import { CLOSE, HEARTBEAT, type RequestHead } from "../../../src/tunnel/protocol/messages.ts";
import { Session } from "./session.ts";
import { until } from "./testing/node.ts";

const HEAD: RequestHead = { method: "POST", path: "/v1/chat/completions", headers: {}, deadlineMs: 60_000 };

let server: WebSocketServer;
let gateway: WebSocket;
let client: WebSocket;
let session: Session;
let texts: string[];
let frames: Frame[];
let handled: number;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  client = new WebSocket(`ws://127.0.0.1:${address.port}`);
  const [accepted] = (await once(server, "connection")) as [WebSocket];
  gateway = accepted;
  if (client.readyState !== WebSocket.OPEN) await once(client, "open");
  texts = [];
  frames = [];
  handled = 0;
  gateway.on("message", (data: Buffer, isBinary: boolean) => {
    if (isBinary) frames.push(...decodeMessage(data));
    else texts.push(data.toString());
  });
  session = new Session({
    socket: client,
    maxStreams: 2,
    handler: async (request) => {
      handled += 1;
      await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
      throw request.signal.reason;
    },
    onGoAway: () => undefined,
    onIdle: () => undefined,
    onError: () => undefined,
  });
  client.on("message", (data: Buffer, isBinary: boolean) => session.receive(data, isBinary));
  client.on("close", () => session.end());
});

afterEach(async () => {
  session.end();
  client.terminate();
  vi.useRealTimers();
  await new Promise((resolve) => server.close(resolve));
});

describe("the heartbeat", () => {
  it("gives up on a peer that answers no ping, without waiting for its goodbye", async () => {
    await until(() => texts.length === 1);
    vi.advanceTimersByTime(2 * HEARTBEAT.intervalMs);
    await until(() => texts.length === 3);
    expect(client.readyState).toBe(WebSocket.OPEN);
    vi.advanceTimersByTime(HEARTBEAT.intervalMs);
    await until(() => client.readyState === WebSocket.CLOSED);
  });

  it("keeps a peer that answers, however long it says nothing else", async () => {
    gateway.on("message", (_, isBinary) => {
      if (!isBinary) gateway.send(HEARTBEAT.pong);
    });
    let pongs = 0;
    client.on("message", () => {
      pongs += 1;
    });
    for (let beat = 1; beat <= 12; beat += 1) {
      vi.advanceTimersByTime(HEARTBEAT.intervalMs);
      await until(() => pongs >= beat);
    }
    expect(client.readyState).toBe(WebSocket.OPEN);
  });
});

describe("threat: a gateway, or whoever speaks in its place, that breaks the protocol", () => {
  const oversized = new Uint8Array(9);
  writeFrameHeader(oversized, 0, FRAME.requestBody, 1, 65_537);
  const head = encodeJsonFrame(FRAME.requestHead, 1, HEAD);
  const breaches: [string, (Uint8Array | string)[]][] = [
    ["an unknown frame type", [Uint8Array.of(77)]],
    ["an oversized frame", [oversized]],
    ["a frame that is cut off", [head.subarray(0, -1)]],
    ["a node's frame", [encodeFrame(FRAME.responseEnd, 1)]],
    ["a second welcome", [encodeFrame(FRAME.welcome, 0)]],
    ["a head that is no head", [encodeJsonFrame(FRAME.requestHead, 1, { path: 1 })]],
    ["a stream id that is in use", [head, head]],
    ["a text message", ["hello"]],
  ];
  it.each(breaches)("by %s is closed with 4400", async (_, messages) => {
    const closed = once(gateway, "close");
    for (const message of messages) gateway.send(message);
    expect((await closed)[0]).toBe(CLOSE.protocol);
    await until(() => session.activeCalls === 0);
  });
});

describe("the limit of calls", () => {
  it("is kept by the node itself: the next one is answered busy and reaches no handler", async () => {
    for (const stream of [1, 2, 3]) {
      gateway.send(encodeJsonFrame(FRAME.requestHead, stream, HEAD));
      gateway.send(encodeFrame(FRAME.requestEnd, stream));
    }
    await until(() => frames.some((frame) => frame.type === FRAME.responseEnd));
    expect(frames.map((frame) => frame.stream)).toEqual([3, 3, 3]);
    expect(new TextDecoder().decode(frames[0]?.payload)).toContain('"status":429');
    expect(handled).toBe(2);
    gateway.send(encodeFrame(FRAME.cancel, 1));
    await until(() => frames.some((frame) => frame.type === FRAME.error && frame.stream === 1));
    expect(session.activeCalls).toBe(1);
  });
});
