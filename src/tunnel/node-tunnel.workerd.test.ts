import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { readToEnd } from "../backends/reply.ts";
import { RouteletError } from "../errors.ts";
import { type DispatchOptions, dispatchToNode, type NodeReply } from "./dispatch.ts";
import { decodeWindow, encodeWindow } from "./protocol/credit.ts";
import { encodeFrame, FRAME, type Frame, writeFrameHeader } from "./protocol/frames.ts";
import { decodeJsonPayload, encodeJsonFrame } from "./protocol/json-payload.ts";
import { CLOSE, INITIAL_WINDOW, type NodeSpan, requestHeadSchema } from "./protocol/messages.ts";
import { connectRaw, joinRaw, type RawNode, type RawSocket } from "./testing/raw-node.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const SPAN: NodeSpan = {
  spanId: "0123456789abcdef",
  parentSpanId: null,
  name: "node.decode",
  kind: "internal",
  startUs: 1,
  durationUs: 2,
  attributes: { "gen_ai.usage.output_tokens": 3 },
};

async function connected(): Promise<{ node: RawNode; raw: RawSocket }> {
  const node = await joinRaw(env);
  return { node, raw: await connectRaw(env, node) };
}

const stubOf = (node: RawNode) => env.NODE_TUNNEL.getByName(node.nodeId);

function call(node: RawNode, options: Partial<DispatchOptions> = {}): Promise<NodeReply> {
  const reply = dispatchToNode({
    stub: stubOf(node),
    project: "default",
    head: {
      method: "POST",
      path: "/v1/chat/completions",
      headers: { traceparent: "00-a-b-01" },
      deadlineMs: 60_000,
    },
    body: encoder.encode("{}"),
    signal: new AbortController().signal,
    ...options,
  });
  // A test looks at a failed call when it is ready to.
  reply.catch(() => undefined);
  return reply;
}

const head = (stream: number, status = 200) =>
  encodeJsonFrame(FRAME.responseHead, stream, { status, headers: { "content-type": "text/event-stream" } });
const body = (stream: number, text: string) => encodeFrame(FRAME.responseBody, stream, encoder.encode(text));
const end = (stream: number, spans: NodeSpan[] = []) => encodeJsonFrame(FRAME.responseEnd, stream, { spans });

async function failure(promise: Promise<unknown>): Promise<RouteletError> {
  const thrown = await promise.then(
    () => new Error("It did not fail."),
    (error: unknown) => error,
  );
  if (thrown instanceof RouteletError) return thrown;
  throw thrown;
}

async function readText(reply: NodeReply): Promise<string> {
  return decoder.decode(await readToEnd(reply.body));
}

describe("a call", () => {
  it("reaches the node as head, body and end in one message, and its answer the Worker, spans last", async () => {
    const { node, raw } = await connected();
    const pending = call(node, { body: encoder.encode('{"model":"m"}') });
    const [first, second, third] = [await raw.next(), await raw.next(), await raw.next()];
    expect(decodeJsonPayload(requestHeadSchema, first.payload)).toMatchObject({
      path: "/v1/chat/completions",
      headers: { traceparent: "00-a-b-01" },
    });
    expect(decoder.decode(second.payload)).toBe('{"model":"m"}');
    expect(third.type).toBe(FRAME.requestEnd);
    const id = first.stream;
    raw.send(head(id, 201), body(id, "one "), body(id, "two"), end(id, [SPAN]));
    const reply = await pending;
    expect([reply.status, reply.headers]).toEqual([201, { "content-type": "text/event-stream" }]);
    expect(await readText(reply)).toBe("one two");
    expect(await reply.end).toEqual({ spans: [SPAN] });
  });

  it("brings how sure the model was, and goes on without where that is broken", async () => {
    const { node, raw } = await connected();
    const statistics = { tokens: 2, meanLogprob: -0.5, minLogprob: -1, meanMargin: 1, minMargin: 0.5 };
    const confidence = { over: "all", ...statistics, completionTokens: 2, prefix: statistics };
    for (const [sent, received] of [
      [confidence, confidence],
      [{ ...confidence, over: "nothing" }, undefined],
    ]) {
      const pending = call(node);
      const { stream } = await raw.nextOf(FRAME.requestEnd);
      const last = encodeJsonFrame(FRAME.responseEnd, stream, { spans: [], confidence: sent });
      raw.send(head(stream), body(stream, "text"), last);
      const reply = await pending;
      expect(await readText(reply)).toBe("text");
      expect((await reply.end).confidence).toEqual(received);
    }
  });

  it("that the node ends with an error fails with its code, after what came before, and keeps the spans", async () => {
    const { node, raw } = await connected();
    const pending = call(node);
    const { stream } = await raw.nextOf(FRAME.requestEnd);
    const error = { code: "engine_died", message: "Gone.", retryable: true, spans: [SPAN] };
    raw.send(head(stream), body(stream, "part"), encodeJsonFrame(FRAME.error, stream, error));
    const reply = await pending;
    const reader = reply.body;
    expect(decoder.decode((await reader.read()).value)).toBe("part");
    const failed = await failure(reader.read());
    expect([failed.code, failed.kind, failed.retryable]).toEqual(["engine_died", "upstream", true]);
    expect((await reply.end).spans).toEqual([SPAN]);
    expect((await reply.end).error).toBe(failed);
  });

  it("for a node that is not connected, or of another project, is refused as absent", async () => {
    const node = await joinRaw(env);
    expect(await failure(call(node))).toMatchObject({ code: "node_absent", status: 503, retryable: true });
    await connectRaw(env, node);
    expect(await failure(call(node, { project: "other" }))).toMatchObject({ code: "node_absent" });
  });

  it("for a node that said go-away is refused as draining, while the running one ends", async () => {
    const { node, raw } = await connected();
    const running = call(node);
    const { stream } = await raw.nextOf(FRAME.requestEnd);
    raw.send(encodeJsonFrame(FRAME.goAway, 0, { reason: "shutdown", drainMs: 1_000 }), head(stream));
    const reply = await running;
    expect(await failure(call(node))).toMatchObject({ code: "node_draining", retryable: true });
    await evictDurableObjectState(node);
    raw.send(body(stream, "done"), end(stream));
    expect(await readText(reply)).toBe("done");
  });
});

/** The draining mark must be with the socket, where an eviction leaves it. */
async function evictDurableObjectState(node: RawNode): Promise<void> {
  await runInDurableObject(stubOf(node), (_, state) => {
    const [socket] = state.getWebSockets();
    expect(socket?.deserializeAttachment()).toMatchObject({ draining: true });
  });
}

describe("cancelling", () => {
  it("before the head tells the node, and its last word still brings the spans", async () => {
    const { node, raw } = await connected();
    const left = new AbortController();
    const pending = call(node, { signal: left.signal });
    const { stream } = await raw.nextOf(FRAME.requestEnd);
    left.abort();
    expect((await raw.nextOf(FRAME.cancel)).stream).toBe(stream);
    expect(await failure(pending)).toMatchObject({ code: "cancelled", kind: "cancelled" });
  });

  it("in the middle of the answer, by signal: the reason reaches the reader, the spans the ledger", async () => {
    const { node, raw } = await connected();
    const left = new AbortController();
    const pending = call(node, { signal: left.signal });
    const { stream } = await raw.nextOf(FRAME.requestEnd);
    raw.send(head(stream), body(stream, "first"));
    const reply = await pending;
    const reader = reply.body;
    await reader.read();
    const waiting = failure(reader.read());
    left.abort(new RouteletError({ kind: "deadline", code: "deadline_exceeded", message: "Too late." }));
    expect((await waiting).code).toBe("deadline_exceeded");
    expect((await raw.nextOf(FRAME.cancel)).stream).toBe(stream);
    const last = { code: "cancelled", message: "", retryable: false, spans: [SPAN] };
    raw.send(encodeJsonFrame(FRAME.error, stream, last));
    expect((await reply.end).spans).toEqual([SPAN]);
  });

  it("by cancelling the body, also without a signal", async () => {
    const { node, raw } = await connected();
    const pending = call(node);
    const { stream } = await raw.nextOf(FRAME.requestEnd);
    raw.send(head(stream), body(stream, "first"));
    const reply = await pending;
    await reply.body.cancel();
    expect((await raw.nextOf(FRAME.cancel)).stream).toBe(stream);
    raw.send(end(stream, [SPAN]));
    expect((await reply.end).error?.code).toBe("cancelled");
    expect(raw.socket.readyState).toBe(WebSocket.OPEN);
  });

  it("by cancelling the body while a read waits: that read is the end, and so is every later one", async () => {
    const { node, raw } = await connected();
    const pending = call(node);
    const { stream } = await raw.nextOf(FRAME.requestEnd);
    raw.send(head(stream));
    const { body: reader, end: ended } = await pending;
    const waiting = reader.read();
    await reader.cancel();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect((await raw.nextOf(FRAME.cancel)).stream).toBe(stream);
    const last = { code: "cancelled", message: "", retryable: false, spans: [SPAN] };
    raw.send(body(stream, "too late"), encodeJsonFrame(FRAME.error, stream, last));
    expect(await ended).toMatchObject({ spans: [SPAN], error: { code: "cancelled" } });
    expect((await reader.read()).done).toBe(true);
  });

  it("a body that has ended, or failed, changes nothing: it says the same again", async () => {
    const { node, raw } = await connected();
    const whole = call(node);
    const first = await raw.nextOf(FRAME.requestEnd);
    raw.send(head(first.stream), end(first.stream, [SPAN]));
    const { body: done, end: ended } = await whole;
    expect((await done.read()).done).toBe(true);
    await done.cancel();
    expect((await done.read()).done).toBe(true);
    expect(await ended).toEqual({ spans: [SPAN] });
    const broken = call(node);
    const second = await raw.nextOf(FRAME.requestEnd);
    const error = { code: "engine_died", message: "Gone.", retryable: true, spans: [] };
    raw.send(head(second.stream), encodeJsonFrame(FRAME.error, second.stream, error));
    const { body: failing } = await broken;
    const said = await failure(failing.read());
    await failing.cancel();
    expect(await failure(failing.read())).toBe(said);
  });

  it("is heard by a call whose signal had fired before it began: nothing is sent", async () => {
    const { node, raw } = await connected();
    const left = new AbortController();
    left.abort();
    expect(await failure(call(node, { signal: left.signal }))).toMatchObject({ code: "cancelled" });
    const next = call(node);
    // The first frame that the node ever sees is that of the second call.
    expect((await raw.next()).type).toBe(FRAME.requestHead);
    expect((await raw.nextOf(FRAME.requestEnd)).type).toBe(FRAME.requestEnd);
    raw.socket.close(1000);
    await failure(next);
  });
});

describe("flow control", () => {
  it("a reader that does not read gets the node no credit beyond the window", async () => {
    const { node, raw } = await connected();
    const pending = call(node);
    const { stream } = await raw.nextOf(FRAME.requestEnd);
    raw.send(head(stream));
    const reply = await pending;
    const quarter = encodeFrame(FRAME.responseBody, stream, new Uint8Array(INITIAL_WINDOW / 4));
    raw.send(quarter, quarter, quarter, quarter);
    const other = call(node);
    const otherStream = (await raw.nextOf(FRAME.requestEnd)).stream;
    raw.send(head(otherStream), end(otherStream));
    await readText(await other);
    let read = 0;
    const reader = reply.body;
    while (read < INITIAL_WINDOW / 2) read += (await reader.read()).value?.length ?? 0;
    const window = await raw.nextOf(FRAME.window);
    expect(window.stream).toBe(stream);
    expect(decodeWindow(window.payload)).toBeLessThanOrEqual(INITIAL_WINDOW);
    raw.send(end(stream));
    for (let result = await reader.read(); !result.done; result = await reader.read())
      read += result.value.length;
    expect(read).toBe(INITIAL_WINDOW);
  });

  it("threat: a node that ignores its credit to fill the gateway's memory is cut off", async () => {
    const { node, raw } = await connected();
    const pending = call(node);
    const { stream } = await raw.nextOf(FRAME.requestEnd);
    raw.send(head(stream));
    const reply = await pending;
    const frame = encodeFrame(FRAME.responseBody, stream, new Uint8Array(64 * 1024));
    for (let sent = 0; sent <= INITIAL_WINDOW * 4; sent += 64 * 1024) raw.send(frame);
    expect((await raw.closed).code).toBe(CLOSE.protocol);
    expect(await failure(readText(reply))).toMatchObject({ code: "node_lost" });
  });

  it("a large request waits for the node's credit and then comes whole", async () => {
    const { node, raw } = await connected();
    const sent = new Uint8Array(INITIAL_WINDOW + 100_000).map((_, index) => index % 253);
    const pending = call(node, { body: sent });
    const { stream } = await raw.nextOf(FRAME.requestHead);
    const got: Uint8Array[] = [];
    let length = 0;
    while (length < INITIAL_WINDOW) {
      const frame = await raw.next();
      got.push(frame.payload);
      length += frame.payload.length;
    }
    expect(length).toBe(INITIAL_WINDOW);
    raw.send(encodeWindow(stream, INITIAL_WINDOW));
    for (let frame = await raw.next(); frame.type !== FRAME.requestEnd; frame = await raw.next())
      got.push(frame.payload);
    const whole = new Uint8Array(await new Blob(got).arrayBuffer());
    expect(whole).toEqual(sent);
    raw.send(head(stream), end(stream));
    await readText(await pending);
  });
});

describe("threat: a node that breaks the protocol", () => {
  const oversized = new Uint8Array(9);
  writeFrameHeader(oversized, 0, FRAME.responseBody, 1, 65_537);
  const breaches: [string, Uint8Array | string][] = [
    ["an unknown frame type", Uint8Array.of(99, 0, 0, 0, 1, 0, 0, 0, 0)],
    ["an oversized frame", oversized],
    ["a frame that is cut off", head(1).subarray(0, -1)],
    ["a gateway's frame", encodeFrame(FRAME.requestEnd, 1)],
    ["a state that is no JSON", encodeFrame(FRAME.state, 0, encoder.encode("{"))],
    ["a text message", "hello"],
  ];
  it.each(breaches)("by %s is closed with 4400, and its calls fail", async (_, message) => {
    const { node, raw } = await connected();
    const pending = call(node);
    await raw.nextOf(FRAME.requestEnd);
    raw.socket.send(message);
    expect((await raw.closed).code).toBe(CLOSE.protocol);
    expect(await failure(pending)).toMatchObject({ code: "node_lost", retryable: true });
  });

  it("by an answer out of order, likewise", async () => {
    const { node, raw } = await connected();
    const pending = call(node);
    const { stream } = await raw.nextOf(FRAME.requestEnd);
    raw.send(body(stream, "no head"));
    expect((await raw.closed).code).toBe(CLOSE.protocol);
    expect(await failure(pending)).toMatchObject({ code: "node_lost" });
  });

  it("by a head that is no head fails that call and tells the node", async () => {
    const { node, raw } = await connected();
    const pending = call(node);
    const { stream } = await raw.nextOf(FRAME.requestEnd);
    raw.send(encodeJsonFrame(FRAME.responseHead, stream, { status: "fine" }));
    expect(await failure(pending)).toMatchObject({ code: "node_protocol_error", retryable: true });
    expect((await raw.nextOf(FRAME.cancel)).stream).toBe(stream);
  });

  it("frames for a call that nobody made are answered with one cancel and go nowhere", async () => {
    const { node, raw } = await connected();
    raw.socket.send(
      new Uint8Array(await new Blob([head(77), body(77, "ghost"), body(77, "ghost")]).arrayBuffer()),
    );
    expect(await raw.next()).toMatchObject({ type: FRAME.cancel, stream: 77 });
    const pending = call(node);
    const { stream } = await raw.next();
    raw.send(head(stream), end(stream));
    expect(await readText(await pending)).toBe("");
  });
});

describe("losing the node", () => {
  it("by a close fails what waits for a head as retryable, and what streams with an error", async () => {
    const { node, raw } = await connected();
    const waiting = call(node);
    await raw.nextOf(FRAME.requestEnd);
    const streaming = call(node);
    const { stream } = await raw.nextOf(FRAME.requestEnd);
    raw.send(head(stream), body(stream, "part"));
    const reply = await streaming;
    raw.socket.close(1000);
    expect(await failure(waiting)).toMatchObject({ code: "node_lost", retryable: true });
    expect(await failure(readText(reply))).toMatchObject({ code: "node_lost", retryable: true });
    expect(await reply.end).toMatchObject({ spans: [], error: { code: "node_lost" } });
  });

  it("to a newer connection fails its calls at once; to a revocation, too", async () => {
    const { node, raw } = await connected();
    const first = call(node);
    await raw.nextOf(FRAME.requestEnd);
    const newer = await connectRaw(env, node);
    expect(await failure(first)).toMatchObject({ code: "node_lost" });
    const second = call(node);
    const { stream } = await newer.nextOf(FRAME.requestEnd);
    newer.send(head(stream), body(stream, "part"));
    const reply = await second;
    await env.FLEET.getByName("fleet").revokeNode(node.nodeId);
    expect(await failure(readText(reply))).toMatchObject({ code: "node_lost" });
    expect(await failure(call(node))).toMatchObject({ code: "node_absent" });
  });

  it("without a close (a power cut) is noticed by the old heartbeat before the next dispatch", async () => {
    const { node, raw } = await connected();
    await evictDurableObject(stubOf(node), { webSockets: "hibernate" });
    await runInDurableObject(stubOf(node), (_, state) => {
      const [socket] = state.getWebSockets();
      const attachment: unknown = socket?.deserializeAttachment();
      socket?.serializeAttachment({ ...Object(attachment), connectedAt: Date.now() - 60_000 });
    });
    await evictDurableObject(stubOf(node), { webSockets: "hibernate" });
    expect(await failure(call(node))).toMatchObject({ code: "node_absent", retryable: true });
    expect((await raw.closed).reason).toBe("silent");
    const nodes = await env.FLEET.getByName("fleet").listNodes();
    expect(nodes.find((one) => one.id === node.nodeId)?.connected).toBe(false);
  });

  it("without a close is seen by an operator who lists the nodes, before any dispatch", async () => {
    const { node, raw } = await connected();
    const find = async () =>
      (await env.FLEET.getByName("fleet").listNodes()).find((one) => one.id === node.nodeId);
    expect((await find())?.connected).toBe(true);
    await runInDurableObject(stubOf(node), (_, state) => {
      const [socket] = state.getWebSockets();
      const attachment: unknown = socket?.deserializeAttachment();
      socket?.serializeAttachment({ ...Object(attachment), connectedAt: Date.now() - 60_000 });
    });
    await evictDurableObject(stubOf(node), { webSockets: "hibernate" });
    expect((await find())?.connected).toBe(false);
    expect((await raw.closed).reason).toBe("silent");
    const { nodes } = await env.FLEET.getByName("fleet").snapshot();
    expect(nodes.find((one) => one.id === node.nodeId)?.connected).toBe(false);
  });

  it("whose object does not answer holds up the list of the nodes for a second at most", async () => {
    const { node } = await connected();
    const fleet = env.FLEET.getByName("fleet");
    const listed = Promise.withResolvers<void>();
    let answers = false;
    const busy = runInDurableObject(stubOf(node), (_, state) =>
      // Lets no event in until the list was given, or will not be.
      state.blockConcurrencyWhile(() => Promise.race([listed.promise, scheduler.wait(20_000)])),
    ).then(() => {
      answers = true;
    });
    const nodes = await fleet.listNodes();
    expect(answers).toBe(false);
    expect(nodes.find((one) => one.id === node.nodeId)?.connected).toBe(true);
    listed.resolve();
    await busy;
  }, 30_000);

  it("is not taken for lost while its heartbeat is young", async () => {
    const { node, raw } = await connected();
    raw.socket.send("ping");
    await new Promise<void>((resolve) => {
      raw.socket.addEventListener("message", ({ data }) => data === "pong" && resolve());
    });
    await runInDurableObject(stubOf(node), (_, state) => {
      const [socket] = state.getWebSockets();
      const attachment: unknown = socket?.deserializeAttachment();
      socket?.serializeAttachment({ ...Object(attachment), connectedAt: Date.now() - 60_000 });
    });
    await evictDurableObject(stubOf(node), { webSockets: "hibernate" });
    const pending = call(node);
    const { stream } = await raw.nextOf(FRAME.requestEnd);
    raw.send(head(stream), end(stream));
    expect((await pending).status).toBe(200);
  });
});

describe("an evicted object", () => {
  it("finds its socket again and carries the next call", async () => {
    const { node, raw } = await connected();
    await evictDurableObject(stubOf(node), { webSockets: "hibernate" });
    const pending = call(node);
    const { stream } = await raw.nextOf(FRAME.requestEnd);
    raw.send(head(stream), body(stream, "still here"), end(stream));
    expect(await readText(await pending)).toBe("still here");
  });

  it("never gives a new call the stream id, hence the tokens, of one that it forgot", async () => {
    const { node, raw } = await connected();
    const before = new Set<number>();
    const collect = async (): Promise<Frame> => {
      const pending = call(node);
      const frame = await raw.nextOf(FRAME.requestEnd);
      raw.send(head(frame.stream), end(frame.stream));
      await readText(await pending);
      return frame;
    };
    for (let count = 0; count < 3; count += 1) before.add((await collect()).stream);
    await evictDurableObject(stubOf(node), { webSockets: "hibernate" });
    const [forgotten = 0] = before;
    expect(before.has((await collect()).stream)).toBe(false);
    for (let count = 0; count < 3; count += 1) {
      // The node still answers an old call: it is told to stop, and the new call hears none of it.
      raw.send(head(forgotten), body(forgotten, "of another caller"));
      expect((await raw.nextOf(FRAME.cancel)).stream).toBe(forgotten);
      expect(before.has((await collect()).stream)).toBe(false);
    }
  });

  it("whose socket is closed with it is absent, and the node may come back", async () => {
    const { node } = await connected();
    await evictDurableObject(stubOf(node), { webSockets: "close" });
    expect(await failure(call(node))).toMatchObject({ code: "node_absent" });
    const raw = await connectRaw(env, node);
    const pending = call(node);
    const { stream } = await raw.nextOf(FRAME.requestEnd);
    raw.send(head(stream), end(stream));
    expect((await pending).status).toBe(200);
  });
});

describe("the fleet", () => {
  it("sees the node's state, and keeps the last one when it is gone", async () => {
    const { node, raw } = await connected();
    const state = {
      version: "1",
      models: [],
      slots: { total: 2, busy: 1, queued: 0, queueLimit: 8 },
      hardware: { platform: "linux", cpu: "c", cores: 2, memoryBytes: 1, gpus: [] },
      draining: false,
    };
    raw.send(encodeJsonFrame(FRAME.state, 0, state));
    const find = async () =>
      (await env.FLEET.getByName("fleet").snapshot()).nodes.find((one) => one.id === node.nodeId);
    while ((await find())?.state === null) await scheduler.wait(5);
    expect(await find()).toMatchObject({ connected: true, projects: ["default"], state });
    raw.socket.close(1000);
    while ((await find())?.connected !== false) await scheduler.wait(5);
    expect((await find())?.state).toEqual(state);
  });
});
