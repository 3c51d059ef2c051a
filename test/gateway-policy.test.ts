import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { chatEvent, chatReply, chatStream, EVENT_STREAM, errorReply } from "./harness/chat-replies.ts";
import { startTestGateway, type TestGateway } from "./harness/gateway.ts";
import { messageReply, messageStream, messageStreamSteps } from "./harness/messages-replies.ts";
import { type Reply, startUpstream, type Upstream } from "./harness/upstream.ts";

const MESSAGES = [{ role: "user", content: "hello" }];

let upstream: Upstream;
let gateway: TestGateway;
let asked = 0;

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
});

afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const settings = (value: object) =>
  gateway.admin("/api/settings", { method: "PUT", body: JSON.stringify(value) });

beforeEach(() => {
  upstream.always(chatReply({ content: "hi" }));
  asked = upstream.requests.length;
});

afterEach(() => settings({}));

const sent = () => upstream.requests.slice(asked).map(({ path }) => path);
const models = () => upstream.requests.slice(asked).map(({ body }) => JSON.parse(body.toString()).model);
async function content(response: Response): Promise<string> {
  const reply = (await response.json()) as { choices: { message: { content: string } }[] };
  return reply.choices[0]?.message.content ?? "";
}

const FAST_RETRIES = { retries: { base_ms: 1, max_ms: 1 } };

describe("retries", () => {
  it.each([
    ["a 500", errorReply({ status: 500, code: "down" })],
    ["a 429", errorReply({ status: 429, code: "busy" })],
    [
      "an error inside a 200",
      { headers: { "content-type": "application/json" }, steps: [{ send: '{"error":{"message":"x"}}' }] },
    ],
    ["a connection that is cut", { steps: [{ cut: true as const }] }],
  ])("try the last backend again after %s", async (_name, failure) => {
    await settings(FAST_RETRIES);
    upstream.enqueue(failure, failure);
    const response = await gateway.chat({ model: "gpt-x", messages: MESSAGES });
    expect(await content(response)).toBe("hi");
    expect(sent()).toHaveLength(3);
    const id = response.headers.get("x-routelet-call");
    await expect.poll(() => gateway.admin(`/api/calls/${id}`)).toMatchObject({ attempts: [{}, {}, {}] });
  });

  it("follow the statuses of the settings", async () => {
    await settings({ retries: { base_ms: 1, max_ms: 1, on_status: [409] } });
    upstream.enqueue(errorReply({ status: 409, code: "conflict" }));
    expect((await gateway.chat({ model: "gpt-x", messages: MESSAGES })).status).toBe(200);
    upstream.enqueue(errorReply({ status: 500, code: "down" }));
    expect((await gateway.chat({ model: "gpt-x", messages: MESSAGES })).status).toBe(500);
    expect(sent()).toHaveLength(3);
  });

  it("wait as long as the backend asks, within the settings", async () => {
    upstream.enqueue(errorReply({ status: 429, code: "busy", headers: { "retry-after": "1" } }));
    const started = Date.now();
    await gateway.chat({ model: "gpt-x", messages: MESSAGES });
    expect(Date.now() - started).toBeGreaterThanOrEqual(950);
    upstream.enqueue(errorReply({ status: 429, code: "busy", headers: { "retry-after": "60" } }));
    const refused = await gateway.chat({ model: "gpt-x", messages: MESSAGES });
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("60");
  });

  it("give up after the set number of tries, and say what the backend said", async () => {
    await settings({ retries: { attempts: 1, base_ms: 1, max_ms: 1 } });
    upstream.always(errorReply({ status: 503, code: "down" }));
    const response = await gateway.chat({ model: "gpt-x", messages: MESSAGES });
    expect(response.status).toBe(503);
    expect(sent()).toHaveLength(2);
  });

  it("are not made for a request that is wrong, nor after the first content", async () => {
    await settings(FAST_RETRIES);
    upstream.enqueue(errorReply({ status: 400, code: "bad" }));
    expect((await gateway.chat({ model: "gpt-x", messages: MESSAGES })).status).toBe(400);
    upstream.enqueue({
      headers: EVENT_STREAM,
      steps: [
        { send: chatEvent({ delta: { role: "assistant", content: "half" } }) },
        { waitMs: 50 },
        { cut: true },
      ],
    });
    const stream = await gateway.chat({ model: "gpt-x", messages: MESSAGES, stream: true });
    expect(await stream.text()).toContain("upstream_lost");
    expect(sent()).toHaveLength(2);
  });
});

describe("model routes", () => {
  it("send an alias to its target, and to its fallbacks across providers when that fails", async () => {
    await settings({
      models: [{ name: "fast", targets: [{ model: "openai/gpt-a" }], fallbacks: ["claude-b"] }],
    });
    upstream.always(({ path }) =>
      path.startsWith("/anthropic")
        ? messageReply({ blocks: [{ type: "text", text: "from the fallback" }] })
        : errorReply({ status: 500, code: "down" }),
    );
    const response = await gateway.chat({ model: "fast", messages: MESSAGES });
    expect(await content(response)).toBe("from the fallback");
    expect(models()).toEqual(["gpt-a", "claude-b"]);
    expect(response.headers.get("x-routelet-served-by")).toBe("llm/anthropic/claude-b");
    expect(response.headers.get("x-routelet-reason")).toContain("fallback:backend_500");
  });

  it("fall back before anything of a broken stream was released", async () => {
    await settings({ fallbacks: ["gpt-b"] });
    upstream.enqueue(
      {
        headers: EVENT_STREAM,
        steps: [{ send: chatEvent({ delta: { role: "assistant", content: "" } }) }, { cut: true }],
      },
      chatStream({ tokens: ["whole"] }),
    );
    const response = await gateway.chat({ model: "gpt-a", messages: MESSAGES, stream: true });
    const text = await response.text();
    expect(text.match(/"role":"assistant"/g)).toHaveLength(1);
    expect(text).toContain("whole");
    expect(models()).toEqual(["gpt-a", "gpt-b"]);
  });

  it("keep a conversation on one of several equals, by its name or by how it began", async () => {
    await settings({
      models: [{ name: "pool", targets: ["a", "b", "c", "d"].map((model) => ({ model, weight: 1 })) }],
    });
    const turn = (messages: object[], session?: string) =>
      gateway.chat(
        { model: "pool", messages },
        session === undefined ? {} : { headers: { "x-routelet-session": session } },
      );
    for (let at = 0; at < 6; at++) await turn(MESSAGES, "s1");
    expect(new Set(models()).size).toBe(1);
    asked = upstream.requests.length;
    const history: object[] = [...MESSAGES];
    for (let at = 0; at < 6; at++) {
      history.push({ role: "assistant", content: `answer ${at}` }, { role: "user", content: `more ${at}` });
      await turn(history);
    }
    expect(new Set(models()).size).toBe(1);
  });

  it("ask a backend that keeps failing last, and never refuse a call for it", async () => {
    await settings({
      ...FAST_RETRIES,
      breaker: { min_requests: 3, error_rate: 0.5, open_ms: 60000, window_ms: 60000 },
      models: [{ name: "m", targets: [{ model: "broken" }], fallbacks: ["good"] }],
    });
    upstream.always(({ body }) =>
      JSON.parse(body.toString()).model === "broken"
        ? errorReply({ status: 500, code: "down" })
        : chatReply({ content: "good" }),
    );
    const reasons: (string | null)[] = [];
    for (let at = 0; at < 4; at++) {
      const { headers } = await gateway.chat({ model: "m", messages: MESSAGES });
      reasons.push(headers.get("x-routelet-reason"));
    }
    expect(reasons.slice(-2)).toEqual([
      "cloud-requested>fallback:backend_500",
      "cloud-requested>breaker:llm/openai/broken",
    ]);
    expect(models().slice(-1)).toEqual(["good"]);
    expect(models().filter((model) => model === "broken")).toHaveLength(3);
    upstream.always(chatReply({ content: "back" }));
    expect(await content(await gateway.chat({ model: "broken", messages: MESSAGES }))).toBe("back");
  });
});

describe("a short deadline", () => {
  it("of one key's calls does not move another key's calls to the fallback", async () => {
    const { id, key } = (await gateway.admin("/api/keys", {
      method: "POST",
      body: JSON.stringify({ name: "impatient" }),
    })) as { id: string; key: string };
    await settings({
      retries: { attempts: 0 },
      breaker: { min_requests: 2, error_rate: 0.5, open_ms: 60000, window_ms: 60000 },
      models: [{ name: "steady", targets: [{ model: "gpt-steady" }], fallbacks: ["gpt-other"] }],
      keys: [{ id, policy: { deadlines: { first_byte_ms: 100 } } }],
    });
    upstream.always({ before: [{ waitMs: 300 }], ...chatReply({ content: "late" }) });
    for (let at = 0; at < 4; at++)
      await gateway.chat(
        { model: "steady", messages: MESSAGES },
        { headers: { authorization: `Bearer ${key}` } },
      );
    const patient = await gateway.chat({ model: "steady", messages: MESSAGES });
    expect(patient.headers.get("x-routelet-served-by")).toBe("llm/openai/gpt-steady");
  });
});

describe("hedging", () => {
  const slow = (ms: number) => ({ before: [{ waitMs: ms }], ...chatReply({ content: "slow" }) });
  const byModel = (answers: Record<string, Reply>) => {
    upstream.always(({ body }) => answers[JSON.parse(body.toString()).model] ?? chatReply({ content: "?" }));
  };

  it("is off: a slow backend is waited for", async () => {
    await settings({ fallbacks: ["gpt-b"] });
    byModel({ "gpt-a": slow(400), "gpt-b": chatReply({ content: "fast" }) });
    expect(await content(await gateway.chat({ model: "gpt-a", messages: MESSAGES }))).toBe("slow");
    expect(models()).toEqual(["gpt-a"]);
  });

  it("asks the next backend too, takes the first answer, and cancels the other", async () => {
    await settings({ fallbacks: ["gpt-b"], hedging: { after_ms: 100 } });
    byModel({ "gpt-a": slow(5_000), "gpt-b": chatReply({ content: "fast" }) });
    const response = await gateway.chat({ model: "gpt-a", messages: MESSAGES });
    expect(await content(response)).toBe("fast");
    expect(response.headers.get("x-routelet-served-by")).toBe("llm/openai/gpt-b");
    await upstream.requests.at(asked)?.whenAborted;
    await expect
      .poll(() => gateway.admin(`/api/calls/${response.headers.get("x-routelet-call")}`))
      .toMatchObject({
        outcome: "done",
        usage: { output_tokens: 3 },
        attempts: [{ error_code: "hedge_lost", outcome: "cancelled" }, { outcome: "done" }],
      });
  });

  it("counts what the loser had spent, where it told before it was cancelled", async () => {
    const price = { from: "2025-01-01", input_per_million: 1_000_000, output_per_million: 0 };
    await settings({
      fallbacks: ["gpt-b"],
      hedging: { after_ms: 100 },
      prices: [
        { model: "anthropic/claude-a", ...price },
        { model: "openai/gpt-b", ...price },
      ],
    });
    const [begun, ...rest] = messageStreamSteps({ blocks: [{ type: "text", text: "slow" }] });
    if (begun === undefined) throw new Error("no first event");
    byModel({
      "claude-a": { headers: EVENT_STREAM, steps: [begun, { waitMs: 5_000 }, ...rest] },
      "gpt-b": chatStream({ tokens: ["fast"], promptTokens: 7 }),
    });
    const response = await gateway.chat({ model: "claude-a", messages: MESSAGES, stream: true });
    expect(await response.text()).toContain("fast");
    await expect
      .poll(() => gateway.admin(`/api/calls/${response.headers.get("x-routelet-call")}`))
      .toMatchObject({
        usage: { input_tokens: 7 },
        cost_usd: 15,
        attempts: [
          { error_code: "hedge_lost", usage: { input_tokens: 8 }, cost_usd: 8 },
          { outcome: "done", usage: { input_tokens: 7 }, cost_usd: 7 },
        ],
      });
  });

  it("takes the first backend all the same where that is first after all, and fails only when both do", async () => {
    await settings({ fallbacks: ["gpt-b"], hedging: { after_ms: 100 }, retries: { attempts: 0 } });
    byModel({ "gpt-a": slow(300), "gpt-b": slow(5_000) });
    const first = await gateway.chat({ model: "gpt-a", messages: MESSAGES });
    expect(first.headers.get("x-routelet-served-by")).toBe("llm/openai/gpt-a");
    await expect
      .poll(() => gateway.admin(`/api/calls/${first.headers.get("x-routelet-call")}`))
      .toMatchObject({
        usage: { output_tokens: 3 },
        attempts: [{ outcome: "done" }, { error_code: "hedge_lost" }],
      });
    const down = { before: [{ waitMs: 200 }], ...errorReply({ status: 500, code: "down" }) };
    byModel({ "gpt-a": down, "gpt-b": down });
    expect((await gateway.chat({ model: "gpt-a", messages: MESSAGES })).status).toBe(500);
  });
});

describe("hosted tools that the backend lacks", () => {
  const FUNCTION = { type: "function", name: "f", parameters: { type: "object", properties: {} } };
  const ask = (more: object = {}) =>
    gateway.fetch("/v1/responses", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model: "claude-x",
        input: "hello",
        tools: [FUNCTION, { type: "web_search" }],
        ...more,
      }),
    });

  beforeEach(() => {
    upstream.always(messageReply({ blocks: [{ type: "text", text: "hi" }] }));
  });

  it("are refused by name", async () => {
    const response = await ask();
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: {
        code: "unsupported_parameter",
        param: "tools[1]",
        message: expect.stringContaining("web_search"),
      },
    });
    expect(sent()).toEqual([]);
  });

  it.each([
    ["whole", false],
    ["streamed", true],
  ])("are left out where the key's policy says so, and the answer tells: %s", async (_how, stream) => {
    await settings({ keys: [{ id: "env", policy: { hosted_tools: "omit" } }] });
    if (stream) upstream.always(messageStream({ blocks: [{ type: "text", text: "hi" }] }));
    const response = await ask({ stream });
    expect(response.status).toBe(200);
    expect(response.headers.get("x-routelet-omitted")).toBe("tools[1] (web_search)");
    await response.text();
    const [request] = upstream.requests.slice(asked);
    expect(
      JSON.parse(request?.body.toString() ?? "").tools.map(({ name }: { name: string }) => name),
    ).toEqual(["f"]);
  });

  it("say nothing where nothing is left out, and are never answered from the cache", async () => {
    await settings({ hosted_tools: "omit" });
    expect((await ask({ tools: [FUNCTION] })).headers.get("x-routelet-omitted")).toBeNull();
    const cached = () =>
      gateway.fetch("/v1/responses", {
        method: "POST",
        headers: { "content-type": "application/json", "x-routelet-cache": "read" },
        body: JSON.stringify({
          model: "claude-x",
          input: "hello",
          store: false,
          temperature: 0,
          tools: [{ type: "web_search" }],
        }),
      });
    for (let at = 0; at < 2; at++) expect((await cached()).headers.get("x-routelet-cache")).toBe("miss");
  });

  it("are left out for a server that turns out to lack the endpoint, in the same call", async () => {
    await settings({ hosted_tools: "omit" });
    upstream.always(({ path }) =>
      path === "/v1/responses" ? errorReply({ status: 404, code: "none" }) : chatReply({ content: "hi" }),
    );
    const response = await ask({ model: "gpt-late" });
    expect(response.headers.get("x-routelet-omitted")).toBe("tools[1] (web_search)");
    expect(sent()).toEqual(["/v1/responses", "/v1/chat/completions"]);
  });
});

describe("silence", () => {
  const late = (ms: number) => {
    const { headers, steps } = chatStream({ tokens: ["late"] });
    return { headers: headers ?? {}, before: [{ waitMs: ms }], steps };
  };

  it("before the decision is filled with comments, the headers saying that it is pending", async () => {
    await settings({ heartbeat: { after_ms: 100 } });
    upstream.enqueue(late(600));
    const response = await gateway.chat({ model: "gpt-x", messages: MESSAGES, stream: true });
    expect(response.headers.get("x-routelet-served-by")).toBe("pending");
    const text = await response.text();
    expect(text.startsWith(": ")).toBe(true);
    expect(text.split(": keep-alive").length).toBeGreaterThan(2);
    expect(text.trim().endsWith("data: [DONE]")).toBe(true);
    const id = response.headers.get("x-routelet-call");
    await expect
      .poll(() => gateway.admin(`/api/calls/${id}`))
      .toMatchObject({ outcome: "done", served_by: "llm/openai/gpt-x" });
  });

  it("in the middle of a stream is filled too", async () => {
    await settings({ heartbeat: { after_ms: 100 } });
    const { headers, steps } = chatStream({ tokens: ["a", "b"], paceMs: 500 });
    upstream.enqueue({ headers: headers ?? {}, steps });
    const text = await (await gateway.chat({ model: "gpt-x", messages: MESSAGES, stream: true })).text();
    expect(text.split(": keep-alive").length).toBeGreaterThan(3);
    expect(text.replace(/: keep-alive\n\n/g, "")).toBe(
      steps
        .map((step) => ("send" in step ? step.send : ""))
        .filter((sentText) => !String(sentText).includes('"choices":[]'))
        .join(""),
    );
  });

  it("may still end in a fallback, or in an error inside the stream", async () => {
    await settings({ ...FAST_RETRIES, heartbeat: { after_ms: 100 }, fallbacks: ["gpt-b"] });
    upstream.enqueue(
      { before: [{ waitMs: 300 }], steps: [{ cut: true }] },
      chatStream({ tokens: ["whole"] }),
    );
    const saved = await gateway.chat({ model: "gpt-a", messages: MESSAGES, stream: true });
    expect(await saved.text()).toContain("whole");
    await settings({ retries: { attempts: 0 }, heartbeat: { after_ms: 100 } });
    upstream.enqueue({ before: [{ waitMs: 300 }], steps: [{ cut: true }] });
    const lost = await gateway.chat({ model: "gpt-a", messages: MESSAGES, stream: true });
    expect(lost.status).toBe(200);
    const text = await lost.text();
    expect(text).toMatch(/data: \{"error":/);
    expect(text).not.toContain("[DONE]");
    await expect
      .poll(() => gateway.admin(`/api/calls/${lost.headers.get("x-routelet-call")}`))
      .toMatchObject({ outcome: "error" });
  });

  it("is left alone where comments are switched off", async () => {
    await settings({ heartbeat: { after_ms: 100, comments: false } });
    upstream.enqueue(late(400));
    const response = await gateway.chat({ model: "gpt-x", messages: MESSAGES, stream: true });
    expect(response.headers.get("x-routelet-served-by")).toBe("llm/openai/gpt-x");
    expect(await response.text()).not.toContain(": keep-alive");
  });

  it("of a client that leaves while it waits is noticed", async () => {
    await settings({ heartbeat: { after_ms: 100 } });
    upstream.enqueue({ before: [{ waitMs: 20_000 }], steps: [] });
    const controller = new AbortController();
    const response = await gateway.chat(
      { model: "gpt-x", messages: MESSAGES, stream: true },
      { signal: controller.signal },
    );
    const request = upstream.requests.at(-1);
    controller.abort();
    await request?.whenAborted;
    await expect
      .poll(() => gateway.admin(`/api/calls/${response.headers.get("x-routelet-call")}`))
      .toMatchObject({ outcome: "cancelled" });
  });
});

describe("the reply cache", () => {
  const READ = { headers: { "x-routelet-cache": "read" } };
  const question = (text: string, more: object = {}) => ({
    model: "gpt-x",
    temperature: 0,
    messages: [{ role: "user", content: text }],
    ...more,
  });
  const cacheOf = (response: Response) => response.headers.get("x-routelet-cache");

  it("answers the same request again, for nothing, and says so", async () => {
    const first = await gateway.chat(question("cached"), READ);
    expect(cacheOf(first)).toBe("miss");
    const body = await first.text();
    await expect.poll(async () => cacheOf(await gateway.chat(question("cached"), READ))).toBe("hit");
    const before = upstream.requests.length;
    const again = await gateway.chat(question("cached"), READ);
    expect(await again.text()).toBe(body);
    expect(again.headers.get("x-routelet-served-by")).toBe("llm/openai/gpt-x");
    expect(upstream.requests.length).toBe(before);
    await expect
      .poll(() => gateway.admin(`/api/calls/${again.headers.get("x-routelet-call")}`))
      .toMatchObject({ outcome: "done", cost_usd: 0, reason: "cache-hit", attempts: [] });
  });

  it("replays a stream as a stream", async () => {
    upstream.always(chatStream({ tokens: ["a", "b"] }));
    const ask = () => gateway.chat(question("streamed", { stream: true }), READ);
    const body = await (await ask()).text();
    await expect.poll(async () => cacheOf(await ask())).toBe("hit");
    const again = await ask();
    expect(again.headers.get("content-type")).toContain("text/event-stream");
    expect(await again.text()).toBe(body);
  });

  it("is asked only where the call asks, and write replaces what it has", async () => {
    expect(cacheOf(await gateway.chat(question("unasked")))).toBeNull();
    await gateway.chat(question("fresh"), READ);
    await expect.poll(async () => cacheOf(await gateway.chat(question("fresh"), READ))).toBe("hit");
    upstream.always(chatReply({ content: "new" }));
    const written = await gateway.chat(question("fresh"), { headers: { "x-routelet-cache": "write" } });
    expect(await content(written)).toBe("new");
    await expect.poll(async () => content(await gateway.chat(question("fresh"), READ))).toBe("new");
  });

  it.each([
    ["a request that samples", { temperature: 1 }, {}],
    ["a call that must not leave the nodes", {}, { "x-routelet-route": "local-only" }],
  ])("has nothing to do with %s", async (_name, more, headers) => {
    const ask = () => gateway.chat(question("never", more), { headers: { ...READ.headers, ...headers } });
    await ask();
    expect(cacheOf(await ask())).toBe("bypass");
  });

  it("keeps no failure, and refuses a word that it does not know", async () => {
    await settings({ retries: { attempts: 0 } });
    upstream.enqueue(errorReply({ status: 500, code: "down" }));
    expect((await gateway.chat(question("failed"), READ)).status).toBe(500);
    expect(cacheOf(await gateway.chat(question("failed"), READ))).toBe("miss");
    const unknown = await gateway.chat(question("x"), { headers: { "x-routelet-cache": "maybe" } });
    expect(unknown.status).toBe(400);
    expect(await unknown.json()).toMatchObject({ error: { code: "invalid_cache_mode" } });
  });

  it("threat: another key of the project gets it only where the setting shares it", async () => {
    const { key } = (await gateway.admin("/api/keys", {
      method: "POST",
      body: JSON.stringify({ name: "other" }),
    })) as { key: string };
    const asOther = { headers: { ...READ.headers, authorization: `Bearer ${key}` } };
    await gateway.chat(question("mine"), READ);
    await expect.poll(async () => cacheOf(await gateway.chat(question("mine"), READ))).toBe("hit");
    expect(cacheOf(await gateway.chat(question("mine"), asOther))).toBe("miss");
    await settings({ cache: { scope: "project" } });
    await gateway.chat(question("ours"), READ);
    await expect.poll(async () => cacheOf(await gateway.chat(question("ours"), asOther))).toBe("hit");
  });
});
