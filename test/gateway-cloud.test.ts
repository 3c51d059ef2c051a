import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  chatEvent,
  chatReply,
  chatStream,
  chatStreamSteps,
  EVENT_STREAM,
  errorReply,
} from "./harness/chat-replies.ts";
import { connectRaw, postBytes } from "./harness/client.ts";
import { endedCall } from "./harness/ended-call.ts";
import { API_KEY, startTestGateway, type TestGateway } from "./harness/gateway.ts";
import { messageReply } from "./harness/messages-replies.ts";
import { startUpstream, type Upstream } from "./harness/upstream.ts";

interface CallRow {
  id: string;
  outcome: string;
  status: number | null;
  served_by: string | null;
  error_code: string | null;
  usage: { input_tokens: number; output_tokens: number } | null;
  cost_usd: number | null;
}

const MESSAGES = [{ role: "user", content: "héllo" }];

let upstream: Upstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startUpstream(chatReply({ content: "hi" }));
  gateway = await startTestGateway({
    vars: {
      OPENAI_API_KEY: "provider-key",
      OPENAI_BASE_URL: `${upstream.url}/v1`,
      ANTHROPIC_API_KEY: "anthropic-key",
      ANTHROPIC_BASE_URL: `${upstream.url}/anthropic`,
    },
  });
  // Each failure below is one reply; that the gateway tries again is tested in gateway-policy.
  await gateway.admin("/api/settings", { method: "PUT", body: '{"retries":{"attempts":0}}' });
});

afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

beforeEach(() => {
  upstream.always(chatReply({ content: "hi" }));
});

/** The call as the ledger has it, once it has ended. */
async function callOf(response: Response): Promise<CallRow> {
  return endedCall<CallRow>(gateway, response.headers.get("x-routelet-call") ?? "");
}

const lastRequest = () => {
  const request = upstream.requests.at(-1);
  if (request === undefined) throw new Error("the provider got no request");
  return request;
};

describe("a call to a cloud model", () => {
  it("reaches the provider with the caller's own bytes, and the reply's bytes come back", async () => {
    const body = `{ "model" : "gpt-x",\n "messages":[{"role":"user","content":"h\\u00e9llo ✓"}], "temperature": 1.0e0, "unknown_field": {"a" : [1,2]} }`;
    upstream.enqueue({
      headers: { "content-type": "application/json", "x-request-id": "req_1" },
      steps: [
        {
          send: '{"id":"a" , "choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"model":"gpt-x-2026","x":1.50}',
        },
      ],
    });
    const response = await gateway.chat(body, { headers: { "openai-organization": "org" } });
    expect(await response.text()).toBe(
      '{"id":"a" , "choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"model":"gpt-x-2026","x":1.50}',
    );
    expect(response.headers.get("x-request-id")).toBe("req_1");
    expect(response.headers.get("x-routelet-served-by")).toBe("llm/openai/gpt-x");
    expect(lastRequest().body.toString()).toBe(body);
    expect(lastRequest().path).toBe("/v1/chat/completions");
    expect(lastRequest().headers).toMatchObject({
      authorization: "Bearer provider-key",
      "openai-organization": "org",
    });
  });

  it("streams the provider's bytes as they came, with usage asked for but not shown", async () => {
    const steps = chatStreamSteps({
      tokens: ["hé", "llo"],
      model: "gpt-5-mini",
      promptTokens: 9,
      completionTokens: 2,
    });
    upstream.enqueue({ headers: EVENT_STREAM, steps });
    const response = await gateway.chat({ model: "gpt-5-mini", messages: MESSAGES, stream: true });
    const sent = steps
      .map((step) => ("send" in step ? step.send : ""))
      .filter((text) => !String(text).includes('"choices":[]'));
    expect(await response.text()).toBe(sent.join(""));
    expect(JSON.parse(lastRequest().body.toString()).stream_options).toEqual({ include_usage: true });
    const row = await callOf(response);
    expect(row).toMatchObject({ outcome: "done", status: 200, usage: { input_tokens: 9, output_tokens: 2 } });
    expect(row.cost_usd).toBeGreaterThan(0);
  });

  it("shows the usage chunk to a client that asked for it", async () => {
    upstream.enqueue(chatStream({ tokens: ["a"] }));
    const response = await gateway.chat({
      model: "gpt-x",
      messages: MESSAGES,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(await response.text()).toContain('"choices":[],"usage"');
  });

  it("takes the provider from the prefix, and sends the name without it", async () => {
    await gateway.chat({ model: "openai/gpt-x", messages: MESSAGES });
    expect(JSON.parse(lastRequest().body.toString()).model).toBe("gpt-x");
    upstream.enqueue(messageReply({ blocks: [{ type: "text", text: "hi" }] }));
    const claude = await gateway.chat({ model: "claude-sonnet-4-5", messages: MESSAGES });
    expect(claude.headers.get("x-routelet-served-by")).toBe("llm/anthropic/claude-sonnet-4-5");
    expect(lastRequest().path).toBe("/anthropic/v1/messages");
    expect(lastRequest().headers).toMatchObject({
      "x-api-key": "anthropic-key",
      "anthropic-version": "2023-06-01",
    });
    expect(lastRequest().headers).not.toHaveProperty("authorization");
  });

  it.each([
    ["/v1/chat/completions", { model: "gpt-x", messages: MESSAGES }],
    ["/v1/messages", { model: "gpt-x", messages: MESSAGES, max_tokens: 5 }],
    ["/v1/moderations", { model: "gpt-x", input: "a" }],
  ])("refuses a call at %s that it has sent itself, and reaches no provider", async (path, body) => {
    const send = (headers: Record<string, string>) =>
      fetch(gateway.url + path, {
        method: "POST",
        headers: { authorization: `Bearer ${API_KEY}`, "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      });
    await (await send({})).text();
    const mark = String(lastRequest().headers["cdn-loop"]);
    const before = upstream.requests.length;
    const looped = await send({ "cdn-loop": mark });
    expect(looped.status).toBe(508);
    expect(await looped.json()).toMatchObject({ error: { code: "loop_detected" } });
    expect(upstream.requests.length).toBe(before);
  });

  it("names the call in the body of an error of Anthropic's dialect", async () => {
    const response = await fetch(`${gateway.url}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": API_KEY, "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-x", messages: MESSAGES }),
    });
    const { request_id } = (await response.json()) as { request_id: string };
    expect(request_id).toBe(response.headers.get("x-routelet-call"));
  });

  it("leaves a cost that nobody knows null", async () => {
    expect(
      (await callOf(await gateway.chat({ model: "model-without-a-price", messages: MESSAGES }))).cost_usd,
    ).toBeNull();
  });

  it("answers auto from the cloud when there is no node, and says why", async () => {
    const response = await gateway.chat({ model: "auto", messages: MESSAGES });
    expect(response.status).toBe(200);
    expect(response.headers.get("x-routelet-reason")).toBe("auto-cloud:no_node");
    expect(JSON.parse(lastRequest().body.toString()).model).toBe("gpt-5-mini");
  });
});

describe("a provider that fails", () => {
  it("shows the client the provider's own status, body and Retry-After", async () => {
    upstream.enqueue(
      errorReply({ status: 429, code: "rate_limit_exceeded", headers: { "retry-after": "7" } }),
    );
    const response = await gateway.chat({ model: "gpt-x", messages: MESSAGES });
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("7");
    expect(await response.json()).toMatchObject({ error: { code: "rate_limit_exceeded" } });
    expect(await callOf(response)).toMatchObject({ outcome: "error", status: 429 });
  });

  it("gives a true status for an error that comes inside a stream before any content", async () => {
    upstream.enqueue({
      headers: EVENT_STREAM,
      steps: [
        { send: chatEvent({ delta: { role: "assistant", content: "" } }) },
        { send: 'data: {"error":{"message":"overloaded"}}\n\n' },
      ],
    });
    const response = await gateway.chat({ model: "gpt-x", messages: MESSAGES, stream: true });
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({
      error: { code: "upstream_error", message: expect.stringContaining("overloaded") },
    });
  });

  it.each([
    ["an HTML page", 502, "text/html", "<html>proxy.internal is down</html>", 502, "backend_502"],
    ["a 200 that is a page", 200, "text/html", "<html>welcome</html>", 502, "upstream_invalid_reply"],
    ["an empty 200", 200, "application/json", "", 502, "upstream_invalid_reply"],
  ])("answers %s in the caller's dialect", async (_name, status, type, body, seen, code) => {
    upstream.enqueue({
      status,
      headers: { "content-type": type },
      steps: body === "" ? [] : [{ send: body }],
    });
    const response = await gateway.chat({ model: "gpt-x", messages: MESSAGES });
    expect(response.status).toBe(seen);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ error: { code } });
    expect(text).not.toContain("proxy.internal");
  });

  it.each([
    ["vLLM's", { object: "error", message: "too long by 3 tokens", code: 400 }],
    ["FastAPI's", { detail: "too long by 3 tokens" }],
  ])("keeps the words of a refusal in %s shape, in an error object that SDKs read", async (_whose, body) => {
    upstream.enqueue({
      status: 400,
      headers: { "content-type": "application/json" },
      steps: [{ send: JSON.stringify(body) }],
    });
    const response = await gateway.chat({ model: "gpt-x", messages: MESSAGES });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { message: expect.stringContaining("too long by 3") },
    });
  });

  it("threat: a refused provider key must not look like the caller's, nor show a part of itself", async () => {
    upstream.enqueue({
      status: 401,
      headers: { "content-type": "application/json" },
      steps: [
        { send: '{"error":{"message":"Incorrect API key provided: provid**-key","code":"invalid_api_key"}}' },
      ],
    });
    const response = await gateway.chat({ model: "gpt-x", messages: MESSAGES });
    expect(response.status).toBe(502);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({
      error: { code: "provider_auth_failed", message: expect.stringContaining("OPENAI_API_KEY") },
    });
    expect(text).not.toContain("provid**");
  });

  it("does not take a 200 whose body is an error for a success", async () => {
    upstream.enqueue({
      headers: { "content-type": "application/json" },
      steps: [{ send: '{"error":{"message":"no capacity"}}' }],
    });
    const response = await gateway.chat({ model: "gpt-x", messages: MESSAGES });
    expect(response.status).toBe(502);
  });

  it("puts an error event into a stream that is cut after its first content, and no [DONE]", async () => {
    const seen = Promise.withResolvers<void>();
    upstream.enqueue({
      headers: EVENT_STREAM,
      steps: [
        ...chatStreamSteps({ tokens: ["one", "two"] }).slice(0, 3),
        { waitFor: seen.promise },
        { cut: true },
      ],
    });
    const response = await gateway.chat({ model: "gpt-x", messages: MESSAGES, stream: true });
    seen.resolve();
    const text = await response.text();
    expect(text).toContain('"content":"one"');
    expect(text).toMatch(/data: \{"error":\{.*"code":"upstream_lost".*\}\}\n\n$/);
    expect(text).not.toContain("[DONE]");
    expect(await callOf(response)).toMatchObject({
      outcome: "error",
      status: 200,
      error_code: "upstream_lost",
    });
  });

  it("gives a true status when the connection is cut before any content", async () => {
    upstream.enqueue({
      headers: EVENT_STREAM,
      steps: [...chatStreamSteps({ tokens: [] }).slice(0, 1), { cut: true }],
    });
    const response = await gateway.chat({ model: "gpt-x", messages: MESSAGES, stream: true });
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: "upstream_lost" } });
  });

  it("takes a stream that ends without finish reason or terminator for a failure", async () => {
    upstream.enqueue({ headers: EVENT_STREAM, steps: chatStreamSteps({ tokens: ["one"] }).slice(0, 2) });
    const response = await gateway.chat({ model: "gpt-x", messages: MESSAGES, stream: true });
    expect(await response.text()).toContain('"code":"upstream_incomplete"');
  });

  it("adds the terminator that a finished stream lacks", async () => {
    upstream.enqueue({
      headers: EVENT_STREAM,
      steps: chatStreamSteps({ tokens: ["one"], usage: false }).slice(0, 3),
    });
    const response = await gateway.chat({ model: "gpt-x", messages: MESSAGES, stream: true });
    const text = await response.text();
    expect(text.match(/\[DONE\]/g)).toHaveLength(1);
    expect(await callOf(response)).toMatchObject({ outcome: "done" });
  });

  it("says that a provider cannot be reached, without its address or a stack", async () => {
    const gone = await startTestGateway({
      vars: { OPENAI_API_KEY: "k", OPENAI_BASE_URL: "http://127.0.0.1:9/v1" },
    });
    try {
      const response = await gone.chat({ model: "gpt-x", messages: MESSAGES });
      expect(response.status).toBe(502);
      const { error } = (await response.json()) as { error: { code: string; message: string } };
      expect(error.code).toBe("upstream_unreachable");
      expect(error.message).not.toContain("127.0.0.1");
    } finally {
      await gone.close();
    }
  });
});

describe("a client that leaves", () => {
  it("in the middle of a stream: the provider is told, and the call stands as cancelled", async () => {
    const never = Promise.withResolvers<void>();
    upstream.enqueue({
      headers: EVENT_STREAM,
      steps: [...chatStreamSteps({ tokens: ["one", "two"] }).slice(0, 3), { waitFor: never.promise }],
    });
    const client = await connectRaw(gateway.url);
    const body = JSON.stringify({ model: "gpt-x", messages: MESSAGES, stream: true });
    client.write(
      postBytes({
        url: gateway.url,
        path: "/v1/chat/completions",
        headers: { authorization: `Bearer ${API_KEY}` },
        body,
      }),
    );
    const head = (await client.until('"content":"two"')).toString();
    client.abort();
    await lastRequest().whenAborted;
    const id = /x-routelet-call: (\S+)/i.exec(head)?.[1] ?? "";
    expect(await endedCall<CallRow>(gateway, id)).toMatchObject({ outcome: "cancelled" });
  });

  it("at any moment after it asked: no call stays running", async () => {
    const never = Promise.withResolvers<void>();
    upstream.always({ before: [{ waitFor: never.promise }], steps: [] });
    const body = JSON.stringify({ model: "gpt-gone", messages: MESSAGES });
    for (let round = 0; round < 24; round++) {
      const client = await connectRaw(gateway.url);
      client.write(
        postBytes({
          url: gateway.url,
          path: "/v1/chat/completions",
          headers: { authorization: `Bearer ${API_KEY}` },
          body,
        }),
      );
      await new Promise((resolve) => setTimeout(resolve, round * 2));
      client.abort();
    }
    for (;;) {
      const { data } = (await gateway.admin("/api/calls?model=gpt-gone&limit=50")) as { data: CallRow[] };
      if (data.some(({ outcome }) => outcome === "running")) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      expect(data.length).toBeGreaterThan(10);
      expect(new Set(data.map(({ outcome }) => outcome))).toEqual(new Set(["cancelled"]));
      break;
    }
    never.resolve();
  });

  it("while the provider is silent: the provider is told, and the call stands as cancelled", async () => {
    const never = Promise.withResolvers<void>();
    upstream.enqueue({ before: [{ waitFor: never.promise }], steps: [] });
    const seen = upstream.requests.length;
    const client = await connectRaw(gateway.url);
    const body = JSON.stringify({ model: "gpt-silent", messages: MESSAGES });
    client.write(
      postBytes({
        url: gateway.url,
        path: "/v1/chat/completions",
        headers: { authorization: `Bearer ${API_KEY}` },
        body,
      }),
    );
    const request = await upstream.waitForRequest(seen + 1);
    client.abort();
    await request.whenAborted;
    const list = (await gateway.admin("/api/calls?model=gpt-silent")) as { data: { id: string }[] };
    expect(await endedCall<CallRow>(gateway, list.data[0]?.id ?? "")).toMatchObject({
      outcome: "cancelled",
      status: 499,
    });
  });
});

describe("bad input", () => {
  it.each([
    ["no key", undefined, 401, "missing_api_key"],
    ["a wrong key", "Bearer rl_wrong", 401, "invalid_api_key"],
  ])("%s", async (_name, authorization, status, code) => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(authorization ? { authorization } : {}) },
      body: JSON.stringify({ model: "auto", messages: MESSAGES }),
    });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code, type: "authentication_error" } });
  });

  it("takes the key from x-api-key as well", async () => {
    const response = await fetch(`${gateway.url}/v1/models`, { headers: { "x-api-key": API_KEY } });
    expect(response.status).toBe(200);
  });

  it.each([
    ["malformed JSON", '{"model":', "invalid_json", null],
    ["not UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), "invalid_json", null],
    ["an array", "[]", "invalid_type", null],
    ["no model", { messages: MESSAGES }, "invalid_type", "model"],
    ["no messages", { model: "gpt-x" }, "invalid_type", "messages"],
    ["messages of a wrong type", { model: "gpt-x", messages: "hi" }, "invalid_type", "messages"],
    [
      "a wrong role",
      { model: "gpt-x", messages: [{ role: "robot", content: "x" }] },
      "invalid_type",
      "messages[0].role",
    ],
    [
      "a temperature out of range",
      { model: "gpt-x", messages: MESSAGES, temperature: 3 },
      "invalid_type",
      "temperature",
    ],
    [
      "stream of a wrong type",
      { model: "gpt-x", messages: MESSAGES, stream: "yes" },
      "invalid_type",
      "stream",
    ],
  ])("%s is a 400 that names the field", async (_name, body, code, param) => {
    const response = await gateway.fetch("/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: body instanceof Uint8Array || typeof body === "string" ? body : JSON.stringify(body),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code, param, type: "invalid_request_error" } });
  });

  it("refuses a body over the limit at its headers, before it was sent", async () => {
    const client = await connectRaw(gateway.url);
    client.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${API_KEY}\r\ncontent-type: application/json\r\ncontent-length: 104857600\r\n\r\n{"model"`,
    );
    const answer = (await client.until("request_too_large")).toString();
    expect(answer).toMatch(/^HTTP\/1\.1 413/);
    client.abort();
  });

  it.each([
    ["an unknown route", "/v1/nothing", "GET", 404, "unknown_route"],
    ["a wrong method", "/v1/chat/completions", "GET", 405, "method_not_allowed"],
    ["an unknown model by id", "/v1/models/slm%2Fnope", "GET", 404, "model_not_found"],
  ])("%s", async (_name, path, method, status, code) => {
    const response = await gateway.fetch(path, { method });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code } });
  });

  it.each([
    ["slm without a node", { model: "slm" }, {}, 503, "no_node"],
    ["an SLM that no node has", { model: "slm/nope" }, {}, 404, "model_not_found"],
    [
      "local-only without a node, though a cloud key is there",
      { model: "gpt-x" },
      { "x-routelet-route": "local-only" },
      503,
      "no_local_node",
    ],
    ["an unknown route word", { model: "gpt-x" }, { "x-routelet-route": "cheap" }, 400, "invalid_route"],
    ["an impossible pair", { model: "slm" }, { "x-routelet-route": "llm" }, 400, "impossible_route"],
  ])("%s", async (_name, body, headers, status, code) => {
    const seen = upstream.requests.length;
    const response = await gateway.chat({ ...body, messages: MESSAGES }, { headers });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code } });
    expect(upstream.requests.length).toBe(seen);
    expect(await callOf(response)).toMatchObject({ outcome: "error", status, error_code: code });
  });

  it("names the variable to set when a cloud name has no key", async () => {
    const bare = await startTestGateway();
    try {
      const response = await bare.chat({ model: "gpt-5-mini", messages: MESSAGES });
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({
        error: { message: expect.stringContaining("OPENAI_API_KEY") },
      });
    } finally {
      await bare.close();
    }
  });
});

describe("keys", () => {
  it("a new key works at once, and a revoked one no more", async () => {
    const created = (await gateway.admin("/api/keys", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "agent" }),
    })) as { id: string; key: string };
    const ask = () =>
      gateway.chat(
        { model: "gpt-x", messages: MESSAGES },
        { headers: { authorization: `Bearer ${created.key}` } },
      );
    expect((await ask()).status).toBe(200);
    await gateway.admin(`/api/keys/${created.id}`, { method: "DELETE" });
    const refused = await ask();
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({ error: { code: "invalid_api_key" } });
  });
});

describe("the ledger under load", () => {
  it("1,000 calls at 16 in flight give 1,000 rows, none twice", async () => {
    let left = 1_000;
    const ids = new Set<string>();
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        while (left-- > 0) {
          const response = await gateway.chat({ model: "gpt-load", messages: MESSAGES });
          await response.arrayBuffer();
          ids.add(response.headers.get("x-routelet-call") ?? "");
        }
      }),
    );
    const rows: CallRow[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page = (await gateway.admin(
        `/api/calls?model=gpt-load&limit=200${cursor ? `&cursor=${cursor}` : ""}`,
      )) as {
        data: CallRow[];
        next_cursor: string | null;
      };
      rows.push(...page.data);
      cursor = page.next_cursor;
    }
    expect(ids.size).toBe(1_000);
    expect(rows.length).toBe(1_000);
    expect(new Set(rows.map(({ id }) => id))).toEqual(ids);
  });
});
