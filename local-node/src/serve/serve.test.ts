import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type AttachEngine, createAttachEngine } from "../engines/attach/attach.ts";
import type { NodeRequest, NodeResponse } from "./contract.ts";
import { createServe } from "./serve.ts";

/** An engine on a loopback port that answers when the test lets it; calls in the order of their arrival. */
interface HeldEngine {
  engine: AttachEngine;
  calls: { request: IncomingMessage; response: ServerResponse; body: string }[];
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function startEngine(options: { models: string[]; slots: number }): Promise<HeldEngine> {
  const calls: HeldEngine["calls"] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => calls.push({ request, response, body }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const engine = await createAttachEngine({
    baseUrl: `http://127.0.0.1:${port}/v1`,
    probe: false,
    ...options,
  });
  closers.push(async () => {
    await engine.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { engine, calls };
}

function request(body: unknown, options: Partial<NodeRequest> = {}): NodeRequest {
  return {
    method: "POST",
    path: "/v1/chat/completions",
    headers: { "content-type": "application/json" },
    body: new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body)),
    deadlineMs: 60_000,
    signal: new AbortController().signal,
    ...options,
  };
}

async function read(response: NodeResponse): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body) text += decoder.decode(chunk, { stream: true });
  return text;
}
const readError = async (response: NodeResponse) => JSON.parse(await read(response)).error;
const clock = () => performance.now();

describe("createServe", () => {
  it("passes a call to the engine that has the model, and gives its spans at the end", async () => {
    const one = await startEngine({ models: ["one"], slots: 1 });
    const two = await startEngine({ models: ["two"], slots: 1 });
    const serve = createServe({ engines: () => [one.engine, two.engine], queueLimit: () => 4, clock });
    const pending = serve.handle(request({ model: "two" }));
    await vi.waitFor(() => expect(two.calls).toHaveLength(1), { timeout: 20_000 });
    expect(serve.load()).toEqual({ total: 2, busy: 1, queued: 0, queueLimit: 4 });
    two.calls[0]?.response.end('{"ok":true}');
    const response = await pending;
    expect([response.status, await read(response)]).toEqual([200, '{"ok":true}']);
    expect(response.spans().map((span) => span.name)).toEqual(["node two", "queue", "prefill", "decode"]);
    expect(serve.load().busy).toBe(0);
    expect(one.calls).toEqual([]);
  });

  it("gives the engine the trace with the node's own span as the parent", async () => {
    const { engine, calls } = await startEngine({ models: ["m"], slots: 1 });
    const serve = createServe({ engines: () => [engine], queueLimit: () => 4, clock });
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const pending = serve.handle(
      request({ model: "m" }, { headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` } }),
    );
    await vi.waitFor(() => expect(calls).toHaveLength(1), { timeout: 20_000 });
    calls[0]?.response.end("{}");
    const response = await pending;
    await read(response);
    const server = response.spans()[0];
    expect(server?.parentSpanId).toBeNull();
    expect(calls[0]?.request.headers.traceparent).toBe(`00-${trace}-${server?.spanId}-01`);
  });

  it.each([
    [
      "an unknown model, with what there is",
      { model: "other" },
      {},
      404,
      "model_not_found",
      /It serves: m\./,
    ],
    [
      "an endpoint that the engine lacks",
      { model: "m" },
      { path: "/v1/embeddings" },
      404,
      "unsupported_endpoint",
      /\/v1\/embeddings/,
    ],
    ["an unknown path", { model: "m" }, { path: "/v1/secrets" }, 404, "unknown_path", /does not serve/],
    [
      "a path that only looks known",
      { model: "m" },
      { path: "/v1/chat/completions/../x" },
      404,
      "unknown_path",
      /./,
    ],
    ["another method", { model: "m" }, { method: "GET" as const }, 405, "method_not_allowed", /POST/],
    ["broken JSON", "{", {}, 400, "invalid_json", /JSON/],
    ["a model that is no name", { model: 3 }, {}, 400, "invalid_value", /'model'/],
    ["a caller that left", { model: "m" }, { signal: AbortSignal.abort() }, 499, "cancelled", /./],
  ])("answers %s in OpenAI's form", async (_name, body, options, status, code, message) => {
    const { engine, calls } = await startEngine({ models: ["m"], slots: 1 });
    const serve = createServe({ engines: () => [engine], queueLimit: () => 4, clock });
    const response = await serve.handle(request(body, options));
    expect(response.status).toBe(status);
    const error = await readError(response);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(Object.keys(error).sort()).toEqual(["code", "message", "param", "type"]);
    expect(response.spans()[0]?.error).toContain(code);
    expect([calls.length, serve.load().busy]).toEqual([0, 0]);
  });

  it("refuses with 429 and Retry-After when the queue is full, and runs everything that waited", async () => {
    const { engine, calls } = await startEngine({ models: ["m"], slots: 1 });
    const serve = createServe({ engines: () => [engine], queueLimit: () => 2, clock });
    const accepted = [1, 2, 3].map(() => serve.handle(request({ model: "m" })));
    await vi.waitFor(() => expect(calls).toHaveLength(1), { timeout: 20_000 });
    expect(serve.load()).toMatchObject({ busy: 1, queued: 2 });
    const refused = await serve.handle(request({ model: "m" }));
    expect(refused.status).toBe(429);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThanOrEqual(1);
    expect(await readError(refused)).toMatchObject({ code: "queue_full", type: "rate_limit_error" });
    for (let index = 0; index < 3; index++) {
      await vi.waitFor(() => expect(calls).toHaveLength(index + 1), { timeout: 20_000 });
      calls[index]?.response.end(`${index}`);
      const response = await accepted[index];
      expect(response && (await read(response))).toBe(`${index}`);
    }
    expect(serve.load()).toMatchObject({ busy: 0, queued: 0 });
  });

  it("in a full queue makes room for another key, and for a call that somebody waits for", async () => {
    const { engine, calls } = await startEngine({ models: ["m"], slots: 1 });
    const serve = createServe({ engines: () => [engine], queueLimit: () => 3, clock });
    const send = (key: string, headers: Record<string, string> = {}) =>
      serve.handle(request({ model: "m" }, { headers: { "x-routelet-key": key, ...headers } }));
    const running = send("a");
    await vi.waitFor(() => expect(calls).toHaveLength(1), { timeout: 20_000 });
    const waiting = [send("a"), send("a"), send("b", { "x-routelet-priority": "job" })];
    const other = send("b");
    const [job] = waiting.slice(2);
    expect([(await job)?.status, serve.load().queued]).toEqual([429, 3]);
    const third = send("c");
    expect((await waiting[1])?.status).toBe(429);
    expect(Number((await waiting[1])?.headers["retry-after"])).toBeGreaterThanOrEqual(1);
    expect((await send("a")).status).toBe(429);
    for (const [index, pending] of [running, waiting[0], other, third].entries()) {
      await vi.waitFor(() => expect(calls).toHaveLength(index + 1), { timeout: 20_000 });
      calls[index]?.response.end("{}");
      expect((await pending)?.status).toBe(200);
      await read((await pending) as NodeResponse);
    }
  });

  it("lets sessions take turns", async () => {
    const { engine, calls } = await startEngine({ models: ["m"], slots: 1 });
    const serve = createServe({ engines: () => [engine], queueLimit: () => 9, clock });
    const send = (session: string, name: string) =>
      serve.handle(request({ model: "m", name }, { headers: { "x-routelet-session": session } })).then(read);
    const all = [send("a", "a1"), send("a", "a2"), send("a", "a3"), send("b", "b1")];
    for (let index = 0; index < all.length; index++) {
      await vi.waitFor(() => expect(calls).toHaveLength(index + 1), { timeout: 20_000 });
      calls[index]?.response.end("{}");
    }
    await Promise.all(all);
    expect(calls.map(({ body }) => JSON.parse(body).name)).toEqual(["a1", "a2", "b1", "a3"]);
  });

  it("takes a call whose caller left out of the queue, without the engine seeing it", async () => {
    const { engine, calls } = await startEngine({ models: ["m"], slots: 1 });
    const serve = createServe({ engines: () => [engine], queueLimit: () => 4, clock });
    const running = serve.handle(request({ model: "m", name: "first" }));
    await vi.waitFor(() => expect(calls).toHaveLength(1), { timeout: 20_000 });
    const cancel = new AbortController();
    const waiting = serve.handle(request({ model: "m", name: "gone" }, { signal: cancel.signal }));
    expect(serve.load().queued).toBe(1);
    cancel.abort();
    expect((await waiting).status).toBe(499);
    calls[0]?.response.end("{}");
    await read(await running);
    expect([calls.length, serve.load().queued]).toEqual([1, 0]);
  });

  it.each(["abort", "return"] as const)("frees the slot of a body that is never read: %s", async (way) => {
    const { engine, calls } = await startEngine({ models: ["m"], slots: 1 });
    const serve = createServe({ engines: () => [engine], queueLimit: () => 4, clock });
    const cancel = new AbortController();
    const pending = serve.handle(request({ model: "m" }, { signal: cancel.signal }));
    await vi.waitFor(() => expect(calls).toHaveLength(1), { timeout: 20_000 });
    calls[0]?.response.write("data: 1\n\n");
    const response = await pending;
    expect(serve.load().busy).toBe(1);
    if (way === "abort") cancel.abort();
    else await response.body[Symbol.asyncIterator]().return?.();
    expect(serve.load().busy).toBe(0);
    expect(response.spans()[0]?.error).toContain("cancelled");
    await vi.waitFor(() => expect(calls[0]?.response.destroyed).toBe(true), { timeout: 20_000 });
  });

  it("fails the body when the engine breaks off, and frees the slot", async () => {
    const { engine, calls } = await startEngine({ models: ["m"], slots: 1 });
    const serve = createServe({ engines: () => [engine], queueLimit: () => 4, clock });
    const pending = serve.handle(request({ model: "m" }));
    await vi.waitFor(() => expect(calls).toHaveLength(1), { timeout: 20_000 });
    calls[0]?.response.write("data: 1\n\n");
    const response = await pending;
    calls[0]?.request.socket.destroy();
    await expect(read(response)).rejects.toMatchObject({ code: "engine_failed", retryable: true });
    expect(serve.load().busy).toBe(0);
    expect(response.spans()[0]?.error).toContain("engine_failed");
  });

  it("answers an engine's own fault with an opaque 500, and reports the cause", async () => {
    const { engine } = await startEngine({ models: ["m"], slots: 1 });
    const causes: unknown[] = [];
    const broken = { ...engine, handle: () => Promise.reject(new TypeError("/secret/path broke")) };
    const serve = createServe({
      engines: () => [broken],
      queueLimit: () => 4,
      clock,
      onInternalError: (cause) => causes.push(cause),
    });
    const response = await serve.handle(request({ model: "m" }));
    expect(response.status).toBe(500);
    const text = await read(response);
    expect(JSON.parse(text).error.code).toBe("internal_error");
    expect(text + JSON.stringify(response.spans())).not.toContain("secret");
    expect(causes).toEqual([expect.objectContaining({ message: "/secret/path broke" })]);
    expect(serve.load().busy).toBe(0);
  });

  it("drains: takes nothing new, and is done when the last call has ended", async () => {
    const { engine, calls } = await startEngine({ models: ["m"], slots: 1 });
    const serve = createServe({ engines: () => [engine], queueLimit: () => 4, clock });
    const running = [serve.handle(request({ model: "m" })), serve.handle(request({ model: "m" }))];
    await vi.waitFor(() => expect(calls).toHaveLength(1), { timeout: 20_000 });
    let drained = false;
    const draining = serve.drain().then(() => {
      drained = true;
    });
    const refused = await serve.handle(request({ model: "m" }));
    expect([refused.status, (await readError(refused)).code]).toEqual([503, "draining"]);
    for (const [index, pending] of running.entries()) {
      expect(drained).toBe(false);
      await vi.waitFor(() => expect(calls).toHaveLength(index + 1), { timeout: 20_000 });
      calls[index]?.response.end("{}");
      await read(await pending);
    }
    await draining;
    await serve.drain();
  });

  it("tells when its load changed", async () => {
    const { engine, calls } = await startEngine({ models: ["m"], slots: 1 });
    const serve = createServe({ engines: () => [engine], queueLimit: () => 4, clock });
    const loads: number[] = [];
    serve.onChange(() => loads.push(serve.load().busy));
    const pending = serve.handle(request({ model: "m" }));
    await vi.waitFor(() => expect(calls).toHaveLength(1), { timeout: 20_000 });
    calls[0]?.response.end("{}");
    await read(await pending);
    expect(loads).toContain(1);
    expect(loads.at(-1)).toBe(0);
  });
});
