import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { CLOSE, type NodeSpan } from "../../../src/tunnel/protocol/messages.ts";
import { NodeError, type NodeHandler, type NodeRequest } from "../serve/contract.ts";
import { enrol } from "./enrol.ts";
import type { Identity } from "./identity.ts";
import { proxyFetch } from "./proxy.ts";
import { type CutProxy, startCutProxy } from "./testing/cut-proxy.ts";
import { startGateway, type TestGateway } from "./testing/gateway.ts";
import { leavingClient } from "./testing/leaving-client.ts";
import { IDLE_STATE, joinGateway, startNode, type TestNode, until } from "./testing/node.ts";

const SECRET = "secret-of-the-tunnel-tests-000000001";
const encoder = new TextEncoder();

let gateway: TestGateway;
const open: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  gateway = await startGateway({ secret: SECRET });
}, 60_000);

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

afterAll(async () => {
  await gateway.close();
});

async function connectedNode(options: {
  handler: NodeHandler;
  url?: string;
  identity?: Identity;
}): Promise<TestNode> {
  const gatewayUrl = options.url ?? gateway.url;
  const identity = options.identity ?? (await joinGateway(gateway.url));
  const node = startNode({ gatewayUrl, identity, handler: options.handler });
  open.push(node.tunnel);
  await node.event("connected");
  return node;
}

async function cutProxy(): Promise<CutProxy> {
  const proxy = await startCutProxy(gateway.url);
  open.push(proxy);
  return proxy;
}

function dispatchUrl(nodeId: string, query = ""): string {
  return `${gateway.url}/dispatch/${nodeId}?${query}`;
}

function dispatch(nodeId: string, body: string, options: { signal?: AbortSignal; query?: string } = {}) {
  return fetch(dispatchUrl(nodeId, options.query), {
    method: "POST",
    body,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

function answer(
  body: AsyncIterable<Uint8Array>,
  options: { status?: number; spans?: NodeSpan[] } = {},
): Awaited<ReturnType<NodeHandler>> {
  const headers = { "content-type": "text/event-stream" };
  return { status: options.status ?? 200, headers, body, spans: () => options.spans ?? [] };
}

const echo: NodeHandler = async (request) =>
  answer(
    (async function* () {
      yield request.body;
    })(),
  );

/** Repeats the request's text with a number, one chunk at a time, until told to stop. */
function repeater(count: number, pauseMs = 0): NodeHandler {
  return async (request) => {
    const text = new TextDecoder().decode(request.body);
    return answer(
      (async function* () {
        for (let index = 0; index < count; index += 1) {
          if (pauseMs > 0) await sleep(pauseMs);
          yield encoder.encode(`${text}:${index}\n`);
        }
      })(),
    );
  };
}

describe("a call through the tunnel", () => {
  it("reaches the handler whole and comes back byte for byte, whatever its size", {
    timeout: 30_000,
  }, async () => {
    const node = await connectedNode({ handler: echo });
    for (const size of [0, 1, 65_536, 262_144, 262_145, 5_000_000]) {
      const body = Array.from({ length: size }, (_, index) => String.fromCharCode(97 + (index % 26))).join(
        "",
      );
      const response = await dispatch(node.identity().nodeId, body);
      expect(response.status).toBe(200);
      expect((await response.text()) === body).toBe(true);
    }
  });

  it("is never mixed with another: 200 at once, each with contents of its own", {
    timeout: 60_000,
  }, async () => {
    const node = await connectedNode({ handler: repeater(50, 1) });
    const texts = await Promise.all(
      Array.from({ length: 200 }, async (_, call) => {
        const response = await dispatch(node.identity().nodeId, `call-${call}`);
        return response.text();
      }),
    );
    for (const [call, text] of texts.entries()) {
      expect(text).toBe(Array.from({ length: 50 }, (_, index) => `call-${call}:${index}\n`).join(""));
    }
  });

  it("beyond the limit of calls in flight is answered as busy with a time to retry", {
    timeout: 60_000,
  }, async () => {
    let started = 0;
    const node = await connectedNode({
      handler: async (request) => {
        started += 1;
        return answer(waitForAbort(request));
      },
    });
    const { nodeId } = node.identity();
    const clients = Array.from({ length: 256 }, () => leavingClient(dispatchUrl(nodeId), "x"));
    await until(() => started === 256);
    const refused = await dispatch(nodeId, "x");
    expect([refused.status, refused.headers.get("x-error"), refused.headers.get("retry-after")]).toEqual([
      429,
      "node_busy",
      "1",
    ]);
    for (const client of clients) client.leave();
    await until(() => node.tunnel.status().activeCalls === 0);
    const next = leavingClient(dispatchUrl(nodeId), "x");
    expect((await next.response).statusCode).toBe(200);
    next.leave();
  });

  it("for a path that is not on the list is answered 404 without touching the handler", async () => {
    let touched = false;
    const node = await connectedNode({
      handler: async (request) => {
        touched = true;
        return echo(request);
      },
    });
    const response = await dispatch(node.identity().nodeId, "{}", { query: "path=/v1/../admin" });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: "path_not_served" } });
    expect(touched).toBe(false);
  });

  it("that the handler refuses is an error object with its status and its time to retry", async () => {
    const node = await connectedNode({
      handler: async () => {
        throw new NodeError({
          code: "queue_full",
          message: "The queue is full.",
          status: 429,
          retryable: true,
          retryAfterSeconds: 7,
        });
      },
    });
    const response = await dispatch(node.identity().nodeId, "{}");
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("7");
    expect(await response.json()).toMatchObject({ error: { code: "queue_full", type: "rate_limit_error" } });
  });

  it("that crashes the handler says nothing of the cause to the caller", async () => {
    const node = await connectedNode({
      handler: async () => {
        throw new Error("canary: /home/owner/model.gguf");
      },
    });
    const response = await dispatch(node.identity().nodeId, "{}");
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("canary");
    expect(node.events.filter((event) => event.type === "error")).toHaveLength(1);
  });

  it("that fails after its head ends the body with an error, not with a clean end", async () => {
    const node = await connectedNode({
      handler: async () =>
        answer(
          (async function* () {
            yield encoder.encode("first");
            // Else the runtime drops the whole answer: its head has not left for the client yet.
            await sleep(50);
            throw new NodeError({ code: "engine_died", message: "Gone.", status: 500, retryable: true });
          })(),
        ),
    });
    const response = await dispatch(node.identity().nodeId, "{}");
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  });

  it("of another project than the node's is not carried", async () => {
    const node = await connectedNode({ handler: echo });
    const response = await dispatch(node.identity().nodeId, "{}", { query: "project=other" });
    expect([response.status, response.headers.get("x-error")]).toEqual([503, "node_absent"]);
  });
});

describe("a cancelled call", () => {
  it("stops the handler when the client leaves before the head", async () => {
    let started = false;
    let aborted = false;
    const node = await connectedNode({
      handler: async (request) => {
        started = true;
        await aborting(request);
        aborted = true;
        return answer(nothing());
      },
    });
    const client = leavingClient(dispatchUrl(node.identity().nodeId), "{}");
    await until(() => started);
    client.leave();
    await expect(client.response).rejects.toThrow();
    await until(() => aborted && node.tunnel.status().activeCalls === 0);
  });

  it("stops the handler and its body when the client leaves in a silence of the answer", async () => {
    let released = false;
    const node = await connectedNode({
      handler: async (request) =>
        answer(
          (async function* () {
            try {
              yield encoder.encode("first");
              await aborting(request);
            } finally {
              released = true;
            }
          })(),
        ),
    });
    const client = leavingClient(dispatchUrl(node.identity().nodeId), "{}");
    const response = await client.response;
    await new Promise((resolve) => response.once("data", resolve));
    client.leave();
    await until(() => released && node.tunnel.status().activeCalls === 0);
  });

  it("stops a running stream when the client goes away in good manners", async () => {
    let released = false;
    const left = new AbortController();
    const node = await connectedNode({
      handler: async () =>
        answer(
          (async function* () {
            try {
              for (;;) {
                yield encoder.encode("token ");
                await sleep(5);
              }
            } finally {
              released = true;
            }
          })(),
        ),
    });
    const response = await dispatch(node.identity().nodeId, "{}", { signal: left.signal });
    await response.body?.getReader().read();
    left.abort();
    await until(() => released && node.tunnel.status().activeCalls === 0);
  });

  it("stops a handler that ignores its signal from being heard any more", async () => {
    const ended = Promise.withResolvers<void>();
    let discarded = false;
    const node = await connectedNode({
      handler: async () => {
        await ended.promise;
        return {
          ...answer(nothing()),
          body: {
            [Symbol.asyncIterator]: () => ({
              next: async () => ({ done: true as const, value: undefined }),
              return: async () => {
                discarded = true;
                return { done: true as const, value: undefined };
              },
            }),
          },
        };
      },
    });
    const response = await dispatch(node.identity().nodeId, "{}", { query: "deadlineMs=50" });
    expect(response.headers.get("x-error")).toBe("deadline");
    await until(() => node.tunnel.status().activeCalls === 0);
    ended.resolve();
    await until(() => discarded);
  });

  it("stops when its deadline runs out, and says so", async () => {
    let reason: unknown;
    const node = await connectedNode({
      handler: async (request) => {
        request.signal.addEventListener("abort", () => {
          reason = request.signal.reason;
        });
        return answer(waitForAbort(request));
      },
    });
    const response = await dispatch(node.identity().nodeId, "{}", { query: "deadlineMs=100" });
    await expect(response.text()).rejects.toThrow();
    expect(reason).toMatchObject({ code: "deadline" });
  });
});

describe("a slow reader", () => {
  it("slows the handler down: no more than a window and its queues are ever ahead", {
    timeout: 30_000,
  }, async () => {
    let yielded = 0;
    const chunk = new Uint8Array(16 * 1024);
    const node = await connectedNode({
      handler: async () =>
        answer(
          (async function* () {
            for (let index = 0; index < 1_000; index += 1) {
              yielded += chunk.length;
              yield chunk;
            }
          })(),
        ),
    });
    const { nodeId } = node.identity();
    const slow = await dispatch(nodeId, "{}");
    const reader = slow.body?.getReader();
    await reader?.read();
    // Other calls pass the stuck one; by then it has sent all that it may.
    const quick = await dispatch(nodeId, "{}");
    let quickBytes = 0;
    for await (const bytes of quick.body ?? []) quickBytes += bytes.length;
    expect(quickBytes).toBe(1_000 * chunk.length);
    const ahead = yielded - 1_000 * chunk.length;
    // Window, the node's lane, and what lies in the sockets between the Worker and this test.
    expect(ahead).toBeLessThan(10 * 1024 * 1024);
    expect(ahead).toBeGreaterThan(0);
    let rest = 0;
    for (;;) {
      const result = await reader?.read();
      if (result === undefined || result.done) break;
      rest += result.value.length;
    }
    expect(rest).toBeGreaterThan(0);
    expect(yielded).toBe(2_000 * chunk.length);
  });
});

describe("a lost socket", () => {
  it("fails calls at once: as retryable before the head, as a broken body after it", {
    timeout: 30_000,
  }, async () => {
    const proxy = await cutProxy();
    let started = 0;
    const identity = await joinGateway(gateway.url);
    const node = await connectedNode({
      url: proxy.url,
      identity,
      handler: async (request) => {
        started += 1;
        const first = new TextDecoder().decode(request.body) === "head";
        if (!first) await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
        return answer(
          (async function* () {
            yield encoder.encode("first");
            yield* waitForAbort(request);
          })(),
        );
      },
    });
    const streaming = await dispatch(identity.nodeId, "head");
    const waiting = dispatch(identity.nodeId, "no head");
    await until(() => started === 2);
    proxy.cut();
    const lost = await waiting;
    expect([lost.status, lost.headers.get("x-error")]).toEqual([503, "node_lost"]);
    await expect(streaming.text()).rejects.toThrow();
    await node.event("connected", 2);
    expect(node.identity().generation).toBe(2);
  });

  it("again and again never mixes or hangs a call, and the node always comes back", {
    timeout: 60_000,
  }, async () => {
    const proxy = await cutProxy();
    const identity = await joinGateway(gateway.url);
    const node = await connectedNode({ url: proxy.url, identity, handler: repeater(20, 1) });
    let whole = 0;
    for (let round = 1; round <= 10; round += 1) {
      await node.event("connected", round);
      const calls = Array.from({ length: 10 }, async (_, call) => {
        const name = `round-${round}-call-${call}`;
        const response = await dispatch(identity.nodeId, name);
        const text = await response.text().catch(() => null);
        if (response.status !== 200 || text === null) return;
        expect(text).toBe(Array.from({ length: 20 }, (_, index) => `${name}:${index}\n`).join(""));
        whole += 1;
      });
      await sleep(round * 4);
      proxy.cut();
      await Promise.all(calls);
    }
    await node.event("connected", 11);
    const after = await dispatch(identity.nodeId, "after");
    expect(await after.text()).toContain("after:19");
    expect(whole).toBeLessThan(100);
  });
});

describe("trust", () => {
  it("two daemons with one identity: the older stops for good and says why", {
    timeout: 30_000,
  }, async () => {
    const first = await connectedNode({ handler: repeater(1) });
    const second = await connectedNode({ handler: repeater(2), identity: first.identity() });
    const stopped = await first.event("stopped");
    expect(stopped.reason).toBe("superseded");
    expect(stopped.message).toContain("another daemon");
    expect(first.events).toContainEqual({
      type: "disconnected",
      code: CLOSE.superseded,
      reason: "superseded",
    });
    const response = await dispatch(second.identity().nodeId, "x");
    expect(await response.text()).toBe("x:0\nx:1\n");
    expect(second.tunnel.status().phase).toBe("connected");
  });

  it("a daemon that was cut off while another took over does not take the tunnel back", {
    timeout: 30_000,
  }, async () => {
    const proxy = await cutProxy();
    const first = await connectedNode({ handler: repeater(1), url: proxy.url });
    proxy.block(true);
    proxy.cut();
    await first.event("disconnected");
    const second = await connectedNode({ handler: repeater(2), identity: first.identity() });
    proxy.block(false);
    expect((await first.event("stopped")).reason).toBe("superseded");
    expect(second.tunnel.status().phase).toBe("connected");
  });

  it("a gateway that cannot prove the pinned key is not served; one whose old key vouches for the new is", {
    timeout: 60_000,
  }, async () => {
    const stateFolder = await mkdtemp(join(tmpdir(), "gateway-"));
    const other = "another-secret-of-the-tunnel-tests-02";
    const handler = repeater(1);
    const original = await startGateway({ secret: SECRET, stateFolder });
    const identity = await joinGateway(original.url).finally(() => original.close());

    const impostor = await startGateway({ secret: other, stateFolder });
    const wary = startNode({ gatewayUrl: impostor.url, identity, handler });
    await wary.event("untrusted");
    expect(wary.events.some((event) => event.type === "connected")).toBe(false);
    await until(async () => {
      const refused = await fetch(`${impostor.url}/dispatch/${identity.nodeId}`, {
        method: "POST",
        body: "x",
      });
      return refused.headers.get("x-error") === "node_absent";
    });
    expect(wary.identity().gatewayKey).toBe(identity.gatewayKey);
    await wary.tunnel.close();
    await impostor.close();

    const rotated = await startGateway({ secret: other, previousSecret: SECRET, stateFolder });
    const trusting = startNode({ gatewayUrl: rotated.url, identity: wary.identity(), handler });
    await trusting.event("rotated");
    await trusting.event("connected");
    expect(trusting.identity().gatewayKey).not.toBe(identity.gatewayKey);
    const served = await fetch(`${rotated.url}/dispatch/${identity.nodeId}`, { method: "POST", body: "x" });
    expect(await served.text()).toBe("x:0\n");
    await trusting.tunnel.close();
    await rotated.close();
    await rm(stateFolder, { recursive: true, force: true });
  });

  it("a join token works once, and a forged one never", async () => {
    const token = (await (await fetch(`${gateway.url}/token`)).json()) as { token: string };
    const spend = (text: string) =>
      enrol({
        gatewayUrl: gateway.url,
        token: text,
        name: "n",
        fetch: proxyFetch(),
        allowInsecureLan: false,
      });
    const identity = await spend(token.token);
    expect(identity.projects).toEqual(["default"]);
    await expect(spend(token.token)).rejects.toMatchObject({ code: "token_refused" });
    await expect(spend(`rlj_${"A".repeat(43)}`)).rejects.toMatchObject({ code: "token_refused" });
  });

  it("a revoked node is cut off while it streams, stops, and cannot come back", {
    timeout: 30_000,
  }, async () => {
    const node = await connectedNode({ handler: async (request) => answer(waitForAbort(request)) });
    const { nodeId } = node.identity();
    const response = await dispatch(nodeId, "{}");
    expect(await (await fetch(`${gateway.url}/revoke/${nodeId}`)).json()).toBe(true);
    await expect(response.text()).rejects.toThrow();
    expect((await node.event("stopped")).reason).toBe("revoked");
    const again = startNode({ gatewayUrl: gateway.url, identity: node.identity(), handler: echo });
    open.push(again.tunnel);
    expect((await again.event("stopped")).reason).toBe("refused");
  });
});

describe("draining", () => {
  it("by the node: running calls end, new ones are told so, then it closes", {
    timeout: 30_000,
  }, async () => {
    const node = await connectedNode({ handler: repeater(30, 10) });
    const { nodeId } = node.identity();
    const running = await dispatch(nodeId, "x");
    const drained = node.tunnel.drain(10_000);
    await until(async () => (await dispatch(nodeId, "x")).headers.get("x-error") === "node_draining");
    expect(await running.text()).toContain("x:29\n");
    await drained;
    expect(node.tunnel.status()).toMatchObject({ phase: "stopped", stopReason: "closed" });
  });

  it("by the gateway: running calls end, and the node dials in again", { timeout: 30_000 }, async () => {
    const node = await connectedNode({ handler: repeater(30, 10) });
    const { nodeId } = node.identity();
    const running = await dispatch(nodeId, "x");
    await fetch(`${gateway.url}/drain/${nodeId}`);
    expect(await running.text()).toContain("x:29\n");
    await node.event("connected", 2);
    expect(await (await dispatch(nodeId, "y")).text()).toContain("y:29\n");
  });
});

describe("state", () => {
  it("reaches the fleet at once, and so does the loss of the node", { timeout: 30_000 }, async () => {
    const node = await connectedNode({ handler: echo });
    const { nodeId } = node.identity();
    const find = async () => {
      const nodes = (await (await fetch(`${gateway.url}/nodes`)).json()) as {
        id: string;
        connected: boolean;
        state: unknown;
      }[];
      return nodes.find((one) => one.id === nodeId);
    };
    await until(async () => (await find())?.state !== null);
    expect(await find()).toMatchObject({ connected: true, state: IDLE_STATE });
    await node.tunnel.close();
    await until(async () => (await find())?.connected === false);
  });
});

/** One byte, then silence until the call is stopped. */
async function* waitForAbort(request: NodeRequest): AsyncGenerator<Uint8Array> {
  yield encoder.encode(" ");
  await aborting(request);
}

function aborting(request: NodeRequest): Promise<void> {
  return new Promise((resolve) => {
    if (request.signal.aborted) resolve();
    request.signal.addEventListener("abort", () => resolve());
  });
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
