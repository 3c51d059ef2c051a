import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { chatReply, chatStream, errorReply } from "./harness/chat-replies.ts";
import { startTestGateway, type TestGateway } from "./harness/gateway.ts";
import { messageReply } from "./harness/messages-replies.ts";
import { startUpstream, type Upstream, type UpstreamRequest } from "./harness/upstream.ts";

const MESSAGES = [{ role: "user", content: "hello" }];

let upstream: Upstream;
let gateway: TestGateway;
let asked = 0;

beforeAll(async () => {
  upstream = await startUpstream(chatReply({ content: "hi" }));
  gateway = await startTestGateway({ vars: { ROUTELET_LOCAL: "1" } });
});

afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

beforeEach(() => {
  upstream.always(chatReply({ content: "hi" }));
  asked = upstream.requests.length;
});

const settings = (value: object) =>
  gateway.admin("/api/settings", { method: "PUT", body: JSON.stringify(value) });
afterEach(() => settings({}));

const sent = () => upstream.requests.slice(asked);
const keyOf = ({ headers }: UpstreamRequest) => headers.authorization ?? headers["x-api-key"];
const own = (more: object = {}) => ({
  name: "own",
  base_url: `${upstream.url}/llm/v1`,
  keys: [{ key: "sk-own" }],
  ...more,
});
const ask = (model: string, more: object = {}, init: RequestInit = {}) =>
  gateway.chat({ model, messages: MESSAGES, ...more }, init);

describe("a provider of the settings", () => {
  it("answers by its name, with its key, headers and words", async () => {
    const words = { renames: [{ from: "max_completion_tokens", to: "max_tokens" }], developer_role: false };
    await settings({ providers: [own({ headers: [{ name: "x-team", value: "red" }], ...words })] });
    const response = await ask("own/some/model", {
      max_completion_tokens: 5,
      messages: [{ role: "developer", content: "be brief" }, ...MESSAGES],
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("x-routelet-served-by")).toBe("llm/own/some/model");
    const [request] = sent();
    expect(request).toMatchObject({
      path: "/llm/v1/chat/completions",
      headers: { authorization: "Bearer sk-own", "x-team": "red" },
    });
    expect(JSON.parse(request?.body.toString() ?? "")).toMatchObject({
      model: "some/model",
      max_tokens: 5,
      messages: [{ role: "system" }, { role: "user" }],
    });
  });

  it("answers in Anthropic's dialect where it speaks that", async () => {
    await settings({
      providers: [own({ base_url: `${upstream.url}/claude`, speaks: ["anthropic-messages"] })],
    });
    upstream.always(messageReply({ blocks: [{ type: "text", text: "bonjour" }] }));
    const response = await ask("own/m");
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: "bonjour" } }] });
    expect(sent()[0]).toMatchObject({ path: "/claude/v1/messages", headers: { "x-api-key": "sk-own" } });
  });

  it("is asked in chat from the next call on where it has no /responses", async () => {
    await settings({ providers: [own({ speaks: ["openai-chat", "openai-responses"] })] });
    upstream.enqueue(errorReply({ status: 404, code: "not_found" }));
    const response = await gateway.fetch("/v1/responses", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "own/m", input: "hello", store: false }),
    });
    expect(response.status).toBe(200);
    expect(sent().map(({ path }) => path)).toEqual(["/llm/v1/responses", "/llm/v1/chat/completions"]);
  });

  it("is sent nothing that it lacks", async () => {
    await settings({ providers: [own({ lacks: ["json_schema"] })] });
    const response = await ask("own/m", {
      response_format: { type: "json_schema", json_schema: { name: "x", schema: { type: "object" } } },
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: "unsupported_parameter", param: "response_format" },
    });
    expect(sent()).toEqual([]);
  });

  it("is unknown as soon as it is taken out", async () => {
    await settings({});
    expect((await ask("own/m")).status).toBe(404);
  });
});

describe("several keys", () => {
  it("take turns when one is refused, and the client sees nothing of it", async () => {
    await settings({
      providers: [
        own({
          keys: [
            { name: "a", key: "sk-a" },
            { name: "b", key: "sk-b" },
          ],
        }),
      ],
    });
    upstream.always((request) =>
      keyOf(request) === "Bearer sk-a"
        ? errorReply({ status: 429, code: "busy" })
        : chatReply({ content: "hi" }),
    );
    for (let at = 0; at < 8; at++) expect((await ask("own/m")).status).toBe(200);
    expect(sent().filter((request) => keyOf(request) === "Bearer sk-a").length).toBeLessThanOrEqual(1);
  });
});

describe("a caller's own key", () => {
  const mine = { headers: { "x-routelet-provider-key": "openai=sk-mine, own=sk-mine-too" } };

  it("pays for the call where the setting allows it, and is kept nowhere", async () => {
    await settings({ providers: [own()], pass_provider_key: true });
    const response = await ask("own/m", {}, mine);
    expect(response.status).toBe(200);
    expect(sent().map(keyOf)).toEqual(["Bearer sk-mine-too"]);
    const id = response.headers.get("x-routelet-call");
    await expect.poll(() => gateway.admin(`/api/calls/${id}`)).toMatchObject({ outcome: "done" });
    expect(JSON.stringify(await gateway.admin(`/api/calls/${id}`))).not.toContain("sk-mine");
    expect(JSON.stringify(gateway.logs)).not.toContain("sk-mine");
  });

  it("threat: is refused where it is not allowed, and nothing is sent", async () => {
    await settings({ providers: [own()] });
    const response = await ask("own/m", {}, mine);
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: { code: "provider_key_not_allowed" } });
    expect(sent()).toEqual([]);
  });
});

describe("policy of one key or model", () => {
  it("wins over the project's", async () => {
    const retries = { base_ms: 1, max_ms: 1 };
    await settings({
      providers: [own()],
      retries: { ...retries, attempts: 2 },
      models: [{ name: "own/once", policy: { retries: { attempts: 0 } } }],
      keys: [{ id: "env", policy: { retries: { attempts: 1 } } }],
    });
    upstream.always(errorReply({ status: 500, code: "down" }));
    await ask("own/m");
    expect(sent()).toHaveLength(2);
    const { key } = (await gateway.admin("/api/keys", {
      method: "POST",
      body: JSON.stringify({ name: "other" }),
    })) as { key: string };
    const other = { headers: { authorization: `Bearer ${key}` } };
    await ask("own/other", {}, other);
    expect(sent()).toHaveLength(2 + 3);
    await ask("own/once", {}, other);
    expect(sent()).toHaveLength(2 + 3 + 1);
  });
});

describe("a provider that takes the call and says nothing", () => {
  it("is given up when its headers are late, and the next is asked", async () => {
    await settings({
      providers: [own(), own({ name: "other" })],
      deadlines: { headers_ms: 200 },
      fallbacks: ["other/m"],
    });
    upstream.enqueue({ before: [{ waitMs: 5_000 }], steps: [] });
    upstream.always(chatStream({ tokens: ["a"] }));
    const response = await ask("own/m", { stream: true });
    expect(response.headers.get("x-routelet-served-by")).toBe("llm/other/m");
    expect(response.headers.get("x-routelet-reason")).toContain("headers_timeout");
    await response.text();
  });
});

describe("what callers and operators see", () => {
  it("an alias is a model, priced as the operator says", async () => {
    await settings({
      providers: [own()],
      models: [{ name: "fast", targets: [{ model: "own/m" }] }],
      prices: [{ model: "own/m", from: "2026-01-01", input_per_million: 1_000_000, output_per_million: 0 }],
    });
    const list = (await (await gateway.fetch("/v1/models")).json()) as { data: { id: string }[] };
    expect(list.data).toContainEqual(expect.objectContaining({ id: "fast", owned_by: "own" }));
    expect((await gateway.fetch("/v1/models/own%2Fm")).status).toBe(200);
    upstream.always(chatStream({ tokens: ["a"], promptTokens: 3 }));
    const response = await ask("fast", { stream: true });
    await response.text();
    const id = response.headers.get("x-routelet-call");
    await expect.poll(() => gateway.admin(`/api/calls/${id}`)).toMatchObject({ cost_usd: 3 });
  });

  it("a refused key of the settings is the operator's to correct there", async () => {
    await settings({ providers: [own()], retries: { attempts: 0 } });
    upstream.always(errorReply({ status: 401, code: "bad-key-sk-own" }));
    const response = await ask("own/m");
    expect(response.status).toBe(502);
    const text = await response.text();
    expect(text).toContain("PUT /api/settings");
    expect(text).not.toContain("sk-own");
  });
});

describe("threat: a provider's key that it repeats in a reply", () => {
  const KEY = "sk-own-0123456789";
  const MARKED = "it is [redacted].";

  beforeEach(() =>
    settings({
      providers: [
        { ...own(), keys: [{ key: KEY }] },
        { ...own(), name: "claude-own", speaks: ["anthropic-messages"], keys: [{ key: KEY }] },
      ],
    }),
  );

  it("does not reach the client whole, translated or passed, nor the ledger", async () => {
    upstream.always(chatReply({ content: `it is ${KEY}.` }));
    const response = await ask("own/m");
    expect(await response.text()).toContain(MARKED);
    upstream.always(messageReply({ blocks: [{ type: "text", text: `it is ${KEY}.` }] }));
    expect(await (await ask("claude-own/m")).text()).toContain(MARKED);
    const image = await gateway.fetch("/v1/images/generations", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "own/m", prompt: "a" }),
    });
    expect(await image.text()).toContain(MARKED);
    const id = response.headers.get("x-routelet-call");
    await expect.poll(() => gateway.admin(`/api/calls/${id}`)).toMatchObject({ outcome: "done" });
    expect(JSON.stringify(await gateway.admin(`/api/calls/${id}`))).not.toContain(KEY);
  });

  it("does not in a stream, in any of its events", async () => {
    upstream.always(chatStream({ tokens: ["first", ` it is ${KEY}.`, " last"] }));
    const text = await (await ask("own/m", { stream: true })).text();
    expect([text.includes(MARKED), text.includes(KEY), text.includes("last")]).toEqual([true, false, true]);
  });
});
