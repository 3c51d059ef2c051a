import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { rawRequest } from "../http/raw-request.ts";
import type { Script } from "./play.ts";
import { pieces } from "./replies.ts";
import { startUpstreamServer, type UpstreamServer } from "./server.ts";

let server: UpstreamServer;
beforeAll(async () => {
  server = await startUpstreamServer(0);
});
afterAll(() => server.close());

const ENDPOINT = "/chat/completions";

function ask(script: Script, options: { path?: string; stream?: boolean; leaveAfterMs?: number } = {}) {
  server.on({ model: "m", endpoint: ENDPOINT, answer: () => script });
  return rawRequest({
    url: new URL(`http://127.0.0.1:${server.port}${options.path ?? `/v1${ENDPOINT}`}`),
    method: "POST",
    headers: { "content-type": "application/json" },
    body: Buffer.from(JSON.stringify({ model: "m", stream: options.stream === true })),
    timeoutMs: 5_000,
    ...(options.leaveAfterMs === undefined ? {} : { leaveAfterMs: options.leaveAfterMs }),
  });
}

it("sends each step as it is, in a segment of its own", async () => {
  const words = "Grüße 👋";
  const reply = await ask({ steps: pieces(words, 3) }, { stream: true });
  expect(reply).toMatchObject({ status: 200, cut: false, violations: [] });
  expect(reply.headers["content-type"]).toBe("text/event-stream");
  expect(reply.body.toString()).toBe(words);
  expect(reply.arrivals.length).toBeGreaterThan(1);
});

it("has one endpoint per model", async () => {
  const reply = await ask({ steps: ["x"] }, { path: "/v1/responses" });
  expect(reply.status).toBe(404);
  expect(server.received("m")).toHaveLength(0);
});

it.each([
  ["a reset", { steps: ["half", { waitMs: 20 }, { cut: true as const }] }],
  ["a length that is too long", { headers: ["content-length: 50"], steps: ["half"] }],
])("cuts a reply: %s", async (_how, script) => {
  const reply = await ask(script);
  expect(reply).toMatchObject({ status: 200, cut: true });
  expect(reply.body.toString()).toBe("half");
});

it("ends a reply with its connection", async () => {
  expect(await ask({ unframed: true, steps: ["all"] })).toMatchObject({
    cut: false,
    body: Buffer.from("all"),
  });
});

it("rejects where the connection ends before a head", async () => {
  await expect(ask({ before: [{ cut: true }], steps: [] })).rejects.toThrow();
});

it("notices that a client leaves, and only then", async () => {
  await ask({ before: [{ waitMs: 300 }], steps: ["x"] }, { leaveAfterMs: 50 });
  await delay(100);
  expect(server.received("m")[0]?.left).toBe(true);
  await ask({ steps: ["x"] });
  await delay(50);
  expect(server.received("m")[0]?.left).toBe(false);
});

it("reads a chunked request on a connection that is used twice", async () => {
  server.on({ model: "m", endpoint: ENDPOINT, answer: () => ({ steps: ["x"] }) });
  const body = '{"model":"m","a":"0\\r\\n\\r\\n"}';
  const head = `POST ${ENDPOINT} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n`;
  const request = `${head}5\r\n${body.slice(0, 5)}\r\n${(body.length - 5).toString(16)}\r\n${body.slice(5)}\r\n0\r\n\r\n`;
  const socket = connect(server.port, "127.0.0.1");
  socket.write(request + request);
  await expect.poll(() => server.received("m").map(({ bytes }) => bytes.toString())).toEqual([body, body]);
  socket.destroy();
});
