import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { chatReply, chatStream, chatStreamSteps, EVENT_STREAM, errorReply } from "./harness/chat-replies.ts";
import { connectRaw, postBytes } from "./harness/client.ts";
import { endedCall } from "./harness/ended-call.ts";
import { API_KEY, startTestGateway, type TestGateway } from "./harness/gateway.ts";
import { nodesOf, startCopyOf, startTestNode, type TestNode } from "./harness/node.ts";
import { type Reply, startUpstream, type Upstream, type UpstreamRequest } from "./harness/upstream.ts";

interface Attempt {
  kind: string;
  outcome: string;
  error_code: string | null;
}

interface CallRow {
  id: string;
  outcome: string;
  served_by: string | null;
  error_code: string | null;
  attempts: Attempt[];
}

const MESSAGES = [{ role: "user", content: "hello" }];
const SLM = "engine-model";
const DEADLINE_MS = 1_500;

let cloud: Upstream;
let engine: Upstream;
let gateway: TestGateway;
let node: TestNode;
/** What the engine does with a call of a test; the daemon's own requests (model list, probes) never get here. */
let script: (request: UpstreamRequest) => Reply;

const MARK = "x-test-call";
const isTestCall = (request: UpstreamRequest) => request.body.includes(MARK);

function call(body: object, headers: Record<string, string> = {}): Promise<Response> {
  return gateway.chat({ messages: MESSAGES, metadata: { [MARK]: "1" }, ...body }, { headers });
}

const callOf = (response: Response) =>
  endedCall<CallRow>(gateway, response.headers.get("x-routelet-call") ?? "");

/** The engine's next request of a test from now on. */
async function nextEngineCall(from: number): Promise<UpstreamRequest> {
  for (let index = from; ; index++) {
    const request = await engine.waitForRequest(index + 1);
    if (isTestCall(request)) return request;
  }
}

/** Until the gateway knows this node, and no other, as connected; listing the models refreshes its snapshot. */
async function seesOnly(id: string): Promise<void> {
  for (;;) {
    const connected = (await nodesOf(gateway)).filter((row) => row.connected).map((row) => row.id);
    if (connected.length === 1 && connected[0] === id) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await (await gateway.fetch("/v1/models")).arrayBuffer();
}

beforeAll(async () => {
  cloud = await startUpstream((request) =>
    request.body.includes('"stream":true')
      ? chatStream({ tokens: ["from", " the cloud"] })
      : chatReply({ content: "from the cloud" }),
  );
  engine = await startUpstream((request) => {
    if (request.method === "GET") {
      return {
        headers: { "content-type": "application/json" },
        steps: [{ send: JSON.stringify({ object: "list", data: [{ id: SLM, object: "model" }] }) }],
      };
    }
    if (isTestCall(request)) return script(request);
    return request.body.includes('"stream":true')
      ? chatStream({ tokens: ["probe"] })
      : chatReply({ content: "probe" });
  });
  gateway = await startTestGateway({ vars: { OPENAI_API_KEY: "k", OPENAI_BASE_URL: `${cloud.url}/v1` } });
  await gateway.admin("/api/settings", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ deadlines: { auto_node_first_byte_ms: DEADLINE_MS } }),
  });
});

afterAll(async () => {
  await gateway.close();
  await engine.close();
  await cloud.close();
});

beforeEach(async () => {
  script = (request) =>
    request.body.includes('"stream":true')
      ? chatStream({ tokens: ["from", " the", " node"], model: SLM })
      : chatReply({ content: "from the node", model: SLM });
  node = await startTestNode({ gateway, attach: [`${engine.url}/v1`] });
  await seesOnly(node.id);
});

afterEach(async () => {
  await node.close();
});

describe("a node's answer", () => {
  it("comes through the tunnel as the engine sent it, and stands in the ledger", async () => {
    const plain = await call({ model: "slm" });
    expect(await plain.json()).toMatchObject({
      model: SLM,
      choices: [{ message: { content: "from the node" } }],
    });
    expect(plain.headers.get("x-routelet-served-by")).toBe(`slm/${SLM}`);
    const streamed = await call({
      model: `slm/${SLM}`,
      stream: true,
      stream_options: { include_usage: true },
    });
    const steps = chatStreamSteps({ tokens: ["from", " the", " node"], model: SLM });
    expect(await streamed.text()).toBe(steps.map((step) => ("send" in step ? step.send : "")).join(""));
    expect(await callOf(streamed)).toMatchObject({
      outcome: "done",
      served_by: `slm/${SLM}`,
      attempts: [{ kind: "node", outcome: "done" }],
    });
  });

  it("is what auto takes first", async () => {
    const response = await call({ model: "auto" });
    expect(response.headers.get("x-routelet-served-by")).toBe(`slm/${SLM}`);
    expect(response.headers.get("x-routelet-reason")).toBe("auto-node");
  });

  it("is listed as a model", async () => {
    const { data } = (await (await gateway.fetch("/v1/models")).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(expect.arrayContaining(["auto", "slm", `slm/${SLM}`]));
    expect((await gateway.fetch(`/v1/models/slm/${SLM}`)).status).toBe(200);
  });
});

it("a cloud name without a key that a node's model has is refused with that model's name", async () => {
  const list = JSON.stringify({ object: "list", data: [{ id: "claude-like", object: "model" }] });
  const other = await startUpstream((request) =>
    request.method === "GET"
      ? { headers: { "content-type": "application/json" }, steps: [{ send: list }] }
      : chatReply({ content: "probe" }),
  );
  await node.close();
  node = await startTestNode({ gateway, attach: [`${other.url}/v1`] });
  await seesOnly(node.id);
  const response = await call({ model: "claude-like" });
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({
    error: {
      code: "provider_not_configured",
      message: expect.stringContaining("did you mean `slm/claude-like`?"),
    },
  });
  await node.close();
  await other.close();
});

describe("auto falls back to the cloud in the same request", () => {
  async function expectFallback(response: Response, reason: string): Promise<void> {
    expect(response.status).toBe(200);
    expect(await response.text()).toContain("the cloud");
    expect(response.headers.get("x-routelet-served-by")).toBe("llm/openai/gpt-5-mini");
    expect(response.headers.get("x-routelet-reason")).toBe(`auto-node>fallback:${reason}`);
    const row = await callOf(response);
    expect(row).toMatchObject({ outcome: "done", served_by: "llm/openai/gpt-5-mini" });
    expect(row.attempts.map(({ kind }) => kind)).toEqual(["node", "cloud"]);
  }

  it("when the node's engine fails", async () => {
    script = () => errorReply({ status: 500, code: "boom" });
    await expectFallback(await call({ model: "auto" }), "backend_500");
  });

  it("when the node is full", async () => {
    script = () => errorReply({ status: 429, code: "full", headers: { "retry-after": "3" } });
    await expectFallback(await call({ model: "auto", stream: true }), "backend_busy");
  });

  it("when the stream is cut before its first content", async () => {
    script = () => ({
      headers: EVENT_STREAM,
      steps: [...chatStreamSteps({ tokens: [] }).slice(0, 1), { cut: true }],
    });
    const response = await call({ model: "auto", stream: true });
    expect(await response.text()).toContain("the cloud");
    expect((await callOf(response)).attempts).toMatchObject([
      { kind: "node", outcome: "error" },
      { kind: "cloud", outcome: "done" },
    ]);
  });

  it("when the node has no content within the deadline; the engine is told to stop", async () => {
    const from = engine.requests.length;
    script = () => ({ before: [{ waitFor: new Promise(() => undefined) }], steps: [] });
    await expectFallback(await call({ model: "auto" }), "first_byte_timeout");
    await (await nextEngineCall(from)).whenAborted;
  });

  it("when the node's process is killed while it works", async () => {
    const from = engine.requests.length;
    script = () => ({ before: [{ waitFor: new Promise(() => undefined) }], steps: [] });
    const asked = call({ model: "auto" });
    await nextEngineCall(from);
    node.kill("SIGKILL");
    await expectFallback(await asked, "node_lost");
  });

  it("when the node is frozen", async () => {
    node.kill("SIGSTOP");
    await expectFallback(await call({ model: "auto" }), "first_byte_timeout");
    const next = await call({ model: "auto" });
    expect(await next.text()).toContain("the cloud");
    // The next call does not wait for the same node again.
    expect((await callOf(next)).attempts).toMatchObject([{ kind: "cloud", outcome: "done" }]);
  });

  it("when no node is there any more", async () => {
    node.kill("SIGKILL");
    await node.exited;
    const response = await call({ model: "auto" });
    expect(await response.text()).toContain("the cloud");
  });
});

describe("a call that is marked for nodes only", () => {
  it.each([
    [{ model: "slm" }, {}],
    [{ model: "auto" }, { "x-routelet-route": "local-only" }],
    [{ model: "gpt-5-mini" }, { "x-routelet-route": "slm" }],
  ])("threat: %j %j must not reach the cloud when the node fails", async (body, headers) => {
    script = () => errorReply({ status: 500, code: "boom" });
    const seen = cloud.requests.length;
    const response = await call(body, headers as Record<string, string>);
    expect(response.status).toBe(500);
    node.kill("SIGKILL");
    await node.exited;
    expect((await call(body, headers as Record<string, string>)).status).toBe(503);
    expect(cloud.requests.length).toBe(seen);
  });
});

describe("after the first content", () => {
  it("a killed node becomes an error event in the stream, and the cloud is not asked", async () => {
    const seen = cloud.requests.length;
    script = () => ({
      headers: EVENT_STREAM,
      steps: [
        ...chatStreamSteps({ tokens: ["one", "two"] }).slice(0, 3),
        { waitFor: new Promise(() => undefined) },
      ],
    });
    const response = await call({ model: "auto", stream: true });
    node.kill("SIGKILL");
    const text = await response.text();
    expect(text).toContain('"content":"one"');
    expect(text).toContain('"code":"node_lost"');
    expect(text).not.toContain("[DONE]");
    expect(cloud.requests.length).toBe(seen);
    expect(await callOf(response)).toMatchObject({ outcome: "error", error_code: "node_lost" });
  });

  it("a revoked node's stream ends with an error event, and the daemon stops", async () => {
    script = () => ({
      headers: EVENT_STREAM,
      steps: [
        ...chatStreamSteps({ tokens: ["one", "two"] }).slice(0, 3),
        { waitFor: new Promise(() => undefined) },
      ],
    });
    const response = await call({ model: "slm", stream: true });
    await gateway.admin(`/api/nodes/${node.id}`, { method: "DELETE" });
    expect(await response.text()).toContain('"error"');
    await node.exited;
    expect(node.output()).toMatch(/revoked/i);
    expect((await call({ model: "slm" })).status).toBe(503);
  });

  it("a client that leaves stops the engine, and the call stands as cancelled", async () => {
    const from = engine.requests.length;
    script = () => ({
      headers: EVENT_STREAM,
      steps: [
        ...chatStreamSteps({ tokens: ["one", "two"] }).slice(0, 3),
        { waitFor: new Promise(() => undefined) },
      ],
    });
    const client = await connectRaw(gateway.url);
    const body = JSON.stringify({
      model: "slm",
      messages: MESSAGES,
      metadata: { [MARK]: "1" },
      stream: true,
    });
    client.write(
      postBytes({
        url: gateway.url,
        path: "/v1/chat/completions",
        headers: { authorization: `Bearer ${API_KEY}` },
        body,
      }),
    );
    const head = (await client.until('"content":"one"')).toString();
    client.abort();
    await (await nextEngineCall(from)).whenAborted;
    expect(await endedCall<CallRow>(gateway, /x-routelet-call: (\S+)/i.exec(head)?.[1] ?? "")).toMatchObject({
      outcome: "cancelled",
    });
  });
});

describe("nodes", () => {
  it("a node that left before the gateway noticed costs the call nothing when another is there", async () => {
    const other = await startTestNode({ gateway, attach: [`${engine.url}/v1`] });
    try {
      await node.close();
      const response = await call({ model: "slm" });
      expect(response.status).toBe(200);
      expect((await callOf(response)).attempts.at(-1)).toMatchObject({ kind: "node", outcome: "done" });
    } finally {
      await other.close();
    }
  });

  it("two daemons with one identity: the newer takes over, the older stops and says why", async () => {
    const copy = await startCopyOf(node);
    try {
      expect(await node.exited).not.toBe(0);
      expect(node.output()).toMatch(/identity is in use by another daemon/i);
      const response = await call({ model: "slm" });
      expect(response.status).toBe(200);
    } finally {
      await copy.close();
    }
  });

  it("a silence of 15 s before the headers costs the call nothing", async () => {
    script = () => ({ ...chatReply({ content: "late", model: SLM }), before: [{ waitMs: 15_000 }] });
    const response = await call({ model: "slm" });
    expect(await response.text()).toContain("late");
    expect((await nodesOf(gateway)).find(({ id }) => id === node.id)?.connected).toBe(true);
  });

  it("survive a restart of the gateway: the node is back by itself", async () => {
    await gateway.restart();
    for (;;) {
      const response = await call({ model: "slm" });
      if (response.status === 200) break;
      expect(response.status).toBe(503);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  });
});
