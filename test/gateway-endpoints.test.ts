import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { APIError, toFile } from "openai";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { errorReply } from "./harness/chat-replies.ts";
import { connectRaw } from "./harness/client.ts";
import { API_KEY, startTestGateway, type TestGateway } from "./harness/gateway.ts";
import { type OtlpReceiver, startOtlpReceiver } from "./harness/otlp-receiver.ts";
import { type Reply, startUpstream, type Upstream, type UpstreamRequest } from "./harness/upstream.ts";

const JSON_TYPE = { "content-type": "application/json" };
const FORM_TYPE = { "content-type": "application/x-www-form-urlencoded" };
const EVENTS = { "content-type": "text/event-stream" };
const json = (body: unknown, status = 200): Reply => ({
  status,
  headers: JSON_TYPE,
  steps: [{ send: JSON.stringify(body) }],
});
const event = (data: unknown) => `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;

function formOf(fields: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

let collector: OtlpReceiver;
let upstream: Upstream;
let gateway: TestGateway;
let openai: OpenAI;
let anthropic: Anthropic;

beforeAll(async () => {
  collector = await startOtlpReceiver();
  upstream = await startUpstream(json({}));
  gateway = await startTestGateway({
    vars: {
      OPENAI_API_KEY: "provider-key",
      OPENAI_BASE_URL: `${upstream.url}/v1`,
      GROQ_API_KEY: "groq-key",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    },
  });
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: API_KEY, maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: gateway.url, apiKey: API_KEY, maxRetries: 0 });
});

afterAll(async () => {
  await gateway.close();
  await upstream.close();
  await collector.close();
});

const settings = (value: object) =>
  gateway.admin("/api/settings", { method: "PUT", body: JSON.stringify(value) });

let seen = 0;
beforeEach(() => {
  seen = upstream.requests.length;
});
afterEach(() => settings({ retries: { base_ms: 1, max_ms: 1 } }));

const sent = (): readonly UpstreamRequest[] => upstream.requests.slice(seen);
function only(): UpstreamRequest {
  const [request, ...more] = sent();
  if (request === undefined || more.length > 0) throw new Error(`${sent().length} requests came, not one`);
  return request;
}

/** What the ledger has of the call that an answer names, once it has ended. */
async function recorded(id: string | null): Promise<Record<string, unknown>> {
  let call: Record<string, unknown> = {};
  await expect
    .poll(async () => {
      call = (await gateway.admin(`/api/calls/${id}`)) as Record<string, unknown>;
      return call.outcome;
    })
    .not.toBe("running");
  return call;
}

async function failure(promise: PromiseLike<unknown>): Promise<APIError> {
  try {
    await promise;
  } catch (thrown) {
    if (thrown instanceof APIError) return thrown;
    throw thrown;
  }
  throw new Error("did not fail");
}

const VECTORS = [
  [0.5, -2, 0.25],
  [1, 0, 8],
];
const base64 = (vector: number[]) => Buffer.from(new Float32Array(vector).buffer).toString("base64");
const embeddings = (encode: (vector: number[]) => unknown): Reply =>
  json({
    object: "list",
    data: VECTORS.map((vector, index) => ({ object: "embedding", index, embedding: encode(vector) })),
    model: "text-embedding-3-small",
    usage: { prompt_tokens: 9, total_tokens: 9 },
  });

describe("POST /v1/embeddings", () => {
  const input = ["a", "b"];
  const model = "text-embedding-3-small";

  it.each([
    ["answers in base64, as the SDK asks by itself", base64],
    ["ignores that and answers in floats", (vector: number[]) => vector],
  ])("gives the SDK the vectors of a backend that %s", async (_name, encode) => {
    upstream.always(embeddings(encode));
    const { data, usage } = await openai.embeddings.create({ model, input });
    expect(data.map(({ embedding }) => embedding)).toEqual(VECTORS);
    expect(usage).toEqual({ prompt_tokens: 9, total_tokens: 9 });
    expect(JSON.parse(only().body.toString())).toEqual({ model, input, encoding_format: "base64" });
    expect(only().path).toBe("/v1/embeddings");
  });

  it.each([
    ["floats", "float", VECTORS],
    ["base64", "base64", VECTORS.map(base64)],
  ] as const)(
    "gives %s where those are asked for, whatever the backend answers in",
    async (_, format, wanted) => {
      for (const encode of [base64, (vector: number[]) => vector]) {
        upstream.always(embeddings(encode));
        const { data } = await openai.embeddings.create({
          model,
          input,
          encoding_format: format,
          dimensions: 3,
        });
        expect(data.map(({ embedding }) => embedding)).toEqual(wanted);
      }
    },
  );

  it("stands in the ledger with its tokens and their price", async () => {
    upstream.always(embeddings(base64));
    const { response } = await openai.embeddings.create({ model, input }).withResponse();
    expect(response.headers.get("x-routelet-served-by")).toBe(`llm/openai/${model}`);
    const call = await recorded(response.headers.get("x-routelet-call"));
    expect(call).toMatchObject({
      endpoint: "/v1/embeddings",
      outcome: "done",
      status: 200,
      requested_model: model,
      usage: { input_tokens: 9, output_tokens: 0 },
    });
    expect(call.cost_usd).toBeGreaterThan(0);
  });

  it.each([
    ["a field that is wrong", { model, input: [] }, 400, "invalid_type"],
    ["a stream", { model, input: "a", stream: true }, 400, "invalid_type"],
    ["`auto` where no node has vectors", { model: "auto", input: "a" }, 400, "no_embedding_model"],
    ["a provider without the endpoint", { model: "groq/x", input: "a" }, 400, "unsupported_parameter"],
    ["a node's model where there is none", { model: "slm", input: "a" }, 503, "no_node"],
  ])("refuses %s by name, and asks nobody", async (_name, body, status, code) => {
    const error = await failure(openai.post("/embeddings", { body }));
    expect([error.status, error.code]).toEqual([status, code]);
    expect(sent()).toEqual([]);
  });

  it("comes from the reply cache where that is asked for: the same texts have the same vectors", async () => {
    upstream.always(embeddings(base64));
    const headers = { "x-routelet-cache": "read" };
    const ask = () => openai.embeddings.create({ model, input }, { headers }).withResponse();
    const first = await ask();
    expect(first.response.headers.get("x-routelet-cache")).toBe("miss");
    await expect.poll(async () => (await ask()).response.headers.get("x-routelet-cache")).toBe("hit");
    expect((await ask()).data.data.map(({ embedding }) => embedding)).toEqual(VECTORS);
  });

  it("fails where the backend gives fewer vectors than inputs", async () => {
    upstream.always(json({ object: "list", data: [], model, usage: { prompt_tokens: 1, total_tokens: 1 } }));
    const error = await failure(openai.embeddings.create({ model, input }));
    expect([error.status, error.code]).toEqual([502, "upstream_invalid_reply"]);
  });

  it("passes a backend's own refusal on", async () => {
    upstream.always(errorReply({ status: 404, code: "model_not_found" }));
    const error = await failure(openai.embeddings.create({ model: "gone", input }));
    expect([error.status, error.code]).toEqual([404, "model_not_found"]);
  });

  it("never asks another model, which would make other vectors", async () => {
    await settings({ fallbacks: ["text-embedding-3-large"], retries: { attempts: 0 } });
    upstream.always(errorReply({ status: 500, code: "down" }));
    expect((await failure(openai.embeddings.create({ model, input }))).status).toBe(500);
    expect(only().body.toString()).toContain(model);
  });
});

const chunk = (choice: object) => ({
  id: "cmpl-1",
  object: "text_completion",
  created: 1,
  model: "gpt-3.5-turbo-instruct",
  choices: [{ text: "", index: 0, logprobs: null, finish_reason: null, ...choice }],
});
const USAGE = { prompt_tokens: 4, completion_tokens: 2, total_tokens: 6 };

describe("POST /v1/completions", () => {
  const asked = { model: "gpt-3.5-turbo-instruct", prompt: "def add(", suffix: "\n\nadd(1, 2)", echo: true };
  const PIECES = [
    event(chunk({ text: "a, b" })),
    event(chunk({ text: "):" })),
    event(chunk({ finish_reason: "stop" })),
    event({ ...chunk({}), choices: [], usage: USAGE }),
    event("[DONE]"),
  ];
  const stream = (pieces: readonly string[]): Reply => ({
    headers: EVENTS,
    steps: pieces.map((send) => ({ send })),
  });

  it("passes a request and its reply, byte by byte", async () => {
    const reply = { ...chunk({ text: "a, b):", finish_reason: "stop" }), usage: USAGE };
    upstream.always(json(reply));
    const { data, response } = await openai.completions.create(asked).withResponse();
    expect(data).toEqual(reply);
    expect(JSON.parse(only().body.toString())).toEqual(asked);
    const call = await recorded(response.headers.get("x-routelet-call"));
    expect(call).toMatchObject({ endpoint: "/v1/completions", usage: { input_tokens: 4, output_tokens: 2 } });
  });

  it("streams, without the usage that was not asked for but is recorded", async () => {
    upstream.always(stream(PIECES));
    const { data, response } = await openai.completions.create({ ...asked, stream: true }).withResponse();
    const chunks: OpenAI.Completion[] = [];
    for await (const each of data) chunks.push(each);
    expect(chunks.map(({ choices }) => choices[0]?.text).join("")).toBe("a, b):");
    expect(chunks.some(({ usage }) => usage != null)).toBe(false);
    const call = await recorded(response.headers.get("x-routelet-call"));
    expect(call).toMatchObject({ outcome: "done", usage: { input_tokens: 4, output_tokens: 2 } });
  });

  it("makes a stream of what a backend answers whole", async () => {
    upstream.always(json({ ...chunk({ text: "a, b):", finish_reason: "stop" }), usage: USAGE }));
    const options = { ...asked, stream: true, stream_options: { include_usage: true } } as const;
    const chunks: OpenAI.Completion[] = [];
    for await (const each of await openai.completions.create(options)) chunks.push(each);
    expect(chunks.map(({ choices, usage }) => choices[0]?.text ?? usage)).toEqual(["a, b):", USAGE]);
  });

  it("raises an error where the stream is cut, and records it", async () => {
    upstream.always({ headers: EVENTS, steps: [{ send: PIECES[0] ?? "" }, { waitMs: 50 }, { cut: true }] });
    const { data, response } = await openai.completions.create({ ...asked, stream: true }).withResponse();
    const read = async () => {
      for await (const _ of data);
    };
    expect((await failure(read())).code).toBe("upstream_lost");
    expect(await recorded(response.headers.get("x-routelet-call"))).toMatchObject({ outcome: "error" });
  });

  it("says that a backend has no such endpoint", async () => {
    upstream.always(json({ detail: "Not Found" }, 404));
    const error = await failure(openai.completions.create(asked));
    expect(error.status).toBe(404);
    expect(error.message).toContain("may not have this endpoint");
  });
});

describe("endpoints that pass through", () => {
  const SOUND = Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * 7) % 256));

  it("send a form to the provider of its model, with that provider's name for it", async () => {
    await settings({ models: [{ name: "listen", targets: [{ model: "openai/whisper-1" }] }] });
    upstream.always(json({ text: "hello", usage: { type: "tokens", input_tokens: 14, output_tokens: 3 } }));
    const file = await toFile(SOUND, "a.wav");
    const { data, response } = await openai.audio.transcriptions
      .create({ file, model: "listen" })
      .withResponse();
    expect(data.text).toBe("hello");
    const { path, headers, body } = only();
    expect(path).toBe("/v1/audio/transcriptions");
    expect(headers.authorization).toBe("Bearer provider-key");
    const form = await new Response(new Uint8Array(body), {
      headers: { "content-type": headers["content-type"] ?? "" },
    }).formData();
    expect(form.get("model")).toBe("whisper-1");
    const sound = form.get("file") as File;
    expect(Buffer.from(await sound.arrayBuffer()).equals(SOUND)).toBe(true);
    const call = await recorded(response.headers.get("x-routelet-call"));
    expect(call).toMatchObject({
      endpoint: "/v1/audio/transcriptions",
      requested_model: "listen",
      served_by: "llm/openai/whisper-1",
      usage: { input_tokens: 14, output_tokens: 3 },
    });
  });

  it("give binary answers byte by byte, and keep none of them", async () => {
    upstream.always({ headers: { "content-type": "audio/mpeg" }, steps: [{ send: SOUND }] });
    const response = await openai.audio.speech.create({ model: "tts-1", voice: "alloy", input: "hi" });
    expect(Buffer.from(await response.arrayBuffer()).equals(SOUND)).toBe(true);
    expect(response.headers.get("content-type")).toBe("audio/mpeg");
    const call = await recorded(response.headers.get("x-routelet-call"));
    expect(call).toMatchObject({ endpoint: "/v1/audio/speech", outcome: "done", status: 200 });
    expect(JSON.stringify(call)).not.toContain("audio/mpeg");
  });

  it("pass files up as they come, without reading them, and their contents down", async () => {
    upstream.always(json({ id: "file-1", object: "file", bytes: SOUND.length, purpose: "batch" }));
    const file = await toFile(SOUND, "in.jsonl");
    expect((await openai.files.create({ file, purpose: "batch" })).id).toBe("file-1");
    expect(only().body.includes(SOUND)).toBe(true);
    upstream.always({ headers: { "content-type": "application/octet-stream" }, steps: [{ send: SOUND }] });
    const content = await openai.files.content("file-1");
    expect(Buffer.from(await content.arrayBuffer()).equals(SOUND)).toBe(true);
    const call = await recorded(content.headers.get("x-routelet-call"));
    expect(call).toMatchObject({ endpoint: "GET /v1/files/{id}/content", status: 200 });
  });

  it("keep method and query", async () => {
    upstream.always(json({ object: "list", data: [], has_more: false }));
    await openai.batches.list({ limit: 3 });
    upstream.always(json({ id: "file-1", object: "file", deleted: true }));
    await openai.files.delete("file-1");
    expect(sent().map(({ method, path }) => `${method} ${path}`)).toEqual([
      "GET /v1/batches?limit=3",
      "DELETE /v1/files/file-1",
    ]);
  });

  it("go to the provider that the header names", async () => {
    const response = await gateway.fetch("/v1/rerank", {
      method: "POST",
      headers: { ...JSON_TYPE, "x-routelet-provider": "groq" },
      body: JSON.stringify({ model: "x", query: "a", documents: ["b"] }),
    });
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    expect([response.status, error.code]).toEqual([404, "unsupported_endpoint"]);
    expect(error.message).toBe(
      "groq has no POST /v1/rerank. Name one that has it in `x-routelet-provider` or before the model's name: openai.",
    );
    upstream.always(json({ results: [] }));
    const passed = await gateway.fetch("/v1/rerank", {
      method: "POST",
      headers: { ...JSON_TYPE, "x-routelet-provider": "openai" },
      body: '{ "model": "any-reranker" }',
    });
    expect(passed.status).toBe(200);
    expect(only().body.toString()).toBe('{ "model": "any-reranker" }');
  });

  it.each([
    ["local-only, with 503", { "x-routelet-route": "local-only" }, "gpt-image-1", 503, "no_local_node"],
    ["slm", { "x-routelet-route": "slm" }, "gpt-image-1", 400, "unsupported_endpoint"],
    ["a node's model", {}, "slm/tiny", 400, "unsupported_endpoint"],
    ["auto", {}, "auto", 400, "unsupported_endpoint"],
  ])("never leave the owner's machines for %s", async (_name, headers, model, status, code) => {
    const error = await failure(openai.images.generate({ model, prompt: "a canary" }, { headers }));
    expect([error.status, error.code]).toEqual([status, code]);
    expect(sent()).toEqual([]);
  });

  it.each([
    ["JSON", () => ({ body: '{"model":"slm","input":"a canary"}', headers: JSON_TYPE })],
    [
      "JSON that says it is a form",
      () => ({ body: '{"model":"slm/tiny","input":"a canary"}', headers: FORM_TYPE }),
    ],
    ["a form", () => ({ body: formOf({ model: "slm", file: "a canary" }), headers: {} })],
  ])("never leave them for a node's model in %s, whatever provider is named", async (_name, asked) => {
    const { body, headers } = asked();
    const response = await gateway.fetch("/v1/audio/transcriptions", {
      method: "POST",
      headers: { ...headers, "x-routelet-provider": "openai" } as Record<string, string>,
      body,
    });
    const { error } = (await response.json()) as { error: { code: string; param: string } };
    expect([response.status, error.code, error.param]).toEqual([400, "unsupported_endpoint", "model"]);
    expect(sent()).toEqual([]);
  });

  it("go to the cloud model that is named, by whatever other route", async () => {
    upstream.always(json({ created: 1, data: [] }));
    for (const route of ["auto", "llm"]) {
      const headers = { "x-routelet-route": route };
      await openai.images.generate({ model: "gpt-image-1", prompt: "a" }, { headers });
    }
    expect(sent()).toHaveLength(2);
  });

  it("do not let a path out of its family, nor to the provider's other endpoints", async () => {
    for (const path of ["/v1/files/..%2Fchat%2Fcompletions", "/v1/files/%5c..%5cchat"]) {
      const response = await gateway.fetch(path, { method: "POST", body: "{}", headers: JSON_TYPE });
      expect(response.status).toBe(400);
    }
    const response = await gateway.fetch("/v1/files/../organization/admin_api_keys");
    expect(response.status).toBe(404);
    expect(sent()).toEqual([]);
  });

  it("keep the provider's account closed where the setting says so, and no other endpoint", async () => {
    await settings({ provider_account: "off" });
    const error = await failure(openai.files.list());
    expect([error.status, error.code]).toEqual([403, "provider_account_closed"]);
    expect(sent()).toEqual([]);
    upstream.always(json({ id: "modr-1", model: "omni-moderation-latest", results: [] }));
    expect((await openai.moderations.create({ input: "a" })).id).toBe("modr-1");
  });

  it("pass a provider's refusal on, and word anew what no client of OpenAI's could read", async () => {
    upstream.always(errorReply({ status: 429, code: "slow_down", headers: { "retry-after": "70" } }));
    const busy = await failure(openai.moderations.create({ input: "a" }));
    expect([busy.status, busy.code, busy.headers?.get("retry-after")]).toEqual([429, "slow_down", "70"]);
    upstream.always(json({ detail: "Not Found" }, 404));
    const missing = await failure(openai.moderations.create({ input: "a" }));
    expect([missing.status, missing.code]).toEqual([404, "backend_404"]);
  });

  it("show the caller no 401 for the gateway's own key, nor what the provider said of it", async () => {
    upstream.always(errorReply({ status: 401, code: "invalid_api_key" }));
    const error = await failure(openai.moderations.create({ input: "a" }));
    expect([error.status, error.code]).toEqual([502, "provider_auth_failed"]);
  });

  const ask = (path: string, init: RequestInit = {}) => gateway.fetch(path, { headers: JSON_TYPE, ...init });
  const post = (body: object): RequestInit => ({ method: "POST", body: JSON.stringify(body) });

  it.each([
    ["what keeps nothing, after a 500", "/v1/moderations", post({ input: "x" }), 500, 3],
    ["reading, after a 500", "/v1/files/file-1", {}, 500, 3],
    ["what makes something, after a 429", "/v1/batches", post({ input_file_id: "f" }), 429, 3],
    ["not what makes something, after a 500", "/v1/batches", post({ input_file_id: "f" }), 500, 1],
    ["not what a wrong request asks for", "/v1/moderations", post({ input: "x" }), 400, 1],
  ])("are asked again for %s", async (_name, path, init, status, times) => {
    upstream.always(json({ ok: true }));
    const failure = errorReply({ status, code: "down" });
    upstream.enqueue(...Array.from({ length: Math.min(2, times) }, () => failure));
    const response = await ask(path, init);
    expect(sent()).toHaveLength(times);
    expect(new Set(sent().map(({ body }) => body.toString())).size).toBe(1);
    expect(response.status).toBe(times === 1 ? status : 200);
    const call = await recorded(response.headers.get("x-routelet-call"));
    expect(call.attempts).toHaveLength(times);
  });

  it("are not sent a file again, which has passed unread", async () => {
    upstream.always(errorReply({ status: 429, code: "busy" }));
    const file = await toFile(SOUND, "in.jsonl");
    expect((await failure(openai.files.create({ file, purpose: "batch" }))).status).toBe(429);
    only();
  });

  it("are tried as the key's policy says", async () => {
    await settings({ keys: [{ id: "env", policy: { retries: { attempts: 0 } } }] });
    upstream.always(errorReply({ status: 500, code: "down" }));
    expect((await ask("/v1/moderations", post({ input: "x" }))).status).toBe(500);
    only();
  });

  it("show that an answer is not whole when its connection is cut", async () => {
    upstream.always({ headers: { "content-type": "audio/mpeg" }, steps: [{ send: SOUND }, { cut: true }] });
    const response = await openai.audio.speech.create({ model: "tts-1", voice: "alloy", input: "hi" });
    await expect(response.arrayBuffer()).rejects.toThrow();
    const call = await recorded(response.headers.get("x-routelet-call"));
    expect(call).toMatchObject({ outcome: "error", error_code: "upstream_lost" });
  });

  it.each([
    ["JSON that is read", "/v1/moderations", "application/json", 21],
    ["a file that is not", "/v1/files", "multipart/form-data; boundary=b", 513],
  ])("refuse %s by the length that it is said to have, before it comes", async (_name, path, type, mib) => {
    const client = await connectRaw(gateway.url);
    client.write(
      [
        `POST ${path} HTTP/1.1`,
        "host: gateway",
        `authorization: Bearer ${API_KEY}`,
        `content-type: ${type}`,
        `content-length: ${mib * 1024 * 1024}`,
        "\r\n",
      ].join("\r\n"),
    );
    const answer = (await client.until("request_too_large")).toString();
    client.abort();
    expect(answer).toMatch(/^HTTP\/1\.1 413/);
    expect(sent()).toEqual([]);
  });

  it("are no endpoints of any other name", async () => {
    const response = await gateway.fetch("/v1/organization/users");
    expect(response.status).toBe(404);
    expect(sent()).toEqual([]);
  });
});

describe("a call's trace", () => {
  const traceId = (at: number) => `${at}`.padStart(32, "a");

  it.each([
    [
      "embeddings",
      "EMBEDDING",
      1,
      "embeddings m",
      () => embeddings(base64),
      "/embeddings",
      { input: ["a", "b"] },
    ],
    [
      "text_completion",
      "LLM",
      2,
      "text_completion m",
      () => json(chunk({ text: "x", finish_reason: "stop" })),
      "/completions",
      { prompt: "a" },
    ],
    ["moderations", "LLM", 3, "moderations m", () => json({ results: [] }), "/moderations", { input: "a" }],
  ])("names the operation: %s", async (operation, kind, at, name, reply, path, body) => {
    upstream.always(reply());
    const headers = { traceparent: `00-${traceId(at)}-${"b".repeat(16)}-01` };
    await openai.post(path, { body: { model: "m", ...body }, headers });
    const spans = await collector.waitForTrace(traceId(at), (found) =>
      found.some((span) => span.name === name),
    );
    const span = spans.find((each) => each.name === name);
    expect(span?.attributes).toMatchObject({
      "gen_ai.operation.name": operation,
      "openinference.span.kind": kind,
      "gen_ai.request.model": "m",
    });
  });
});

describe("the caller's dialect", () => {
  it("lists models as Anthropic's SDK reads them", async () => {
    const ids: string[] = [];
    for await (const model of anthropic.models.list({ limit: 1 })) {
      expect(model).toMatchObject({
        type: "model",
        display_name: model.id,
        created_at: "1970-01-01T00:00:00Z",
      });
      ids.push(model.id);
    }
    expect(ids).toEqual(["auto", "gpt-5-mini"]);
    expect(await anthropic.models.retrieve("gpt-5-mini")).toMatchObject({ type: "model", id: "gpt-5-mini" });
    await expect(anthropic.models.retrieve("slm/none")).rejects.toMatchObject({
      status: 404,
      error: { type: "error", error: { type: "not_found_error" } },
    });
  });

  it("lists them as OpenAI's SDK reads them", async () => {
    const ids: string[] = [];
    for await (const model of openai.models.list()) ids.push(model.id);
    expect(ids).toEqual(["auto", "gpt-5-mini"]);
  });

  it.each([
    ["under /v1/messages", "/v1/messages/batches", {}],
    ["of a client of Anthropic's", "/v1/files", { "anthropic-version": "2023-06-01" }],
  ])("is Anthropic's for an unknown route %s", async (_name, path, headers) => {
    const response = await gateway.fetch(path, { headers });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ type: "error", error: { type: "not_found_error" } });
  });
});

describe("the id of a request", () => {
  it("is the backend's, or else the call's, as the SDKs read it", async () => {
    const reply = chunk({ text: "x", finish_reason: "stop" });
    upstream.always({
      headers: { ...JSON_TYPE, "x-request-id": "req_b" },
      steps: [{ send: JSON.stringify(reply) }],
    });
    const asked = { model: "m", prompt: "a" };
    expect((await openai.completions.create(asked).withResponse()).request_id).toBe("req_b");
    upstream.always(json(reply));
    const { request_id, response } = await openai.completions.create(asked).withResponse();
    expect(request_id).toBe(response.headers.get("x-routelet-call"));
    upstream.always(errorReply({ status: 400, code: "bad" }));
    const error = await failure(openai.completions.create(asked));
    expect(error.requestID).toMatch(/./);
  });

  it("is there for Anthropic's SDK too", async () => {
    const model = "slm";
    const asked = anthropic.messages.create({
      model,
      max_tokens: 1,
      messages: [{ role: "user", content: "a" }],
    });
    const error = (await asked.catch((thrown: unknown) => thrown)) as InstanceType<typeof Anthropic.APIError>;
    expect(error.requestID).toMatch(/./);
  });
});

describe("pages in browsers", () => {
  const origin = "https://app.example.com";
  const preflight = (path = "/v1/chat/completions") =>
    fetch(`${gateway.url}${path}`, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
      },
    });

  it("may not call unless the setting names them", async () => {
    const response = await preflight();
    expect(response.status).toBe(403);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    const models = await gateway.fetch("/v1/models", { headers: { origin } });
    expect(models.headers.get("access-control-allow-origin")).toBeNull();
  });

  it("may call where it does, and read errors and the call's id", async () => {
    await settings({ cors: { origins: [origin] } });
    const allowed = await preflight();
    expect(allowed.status).toBe(204);
    expect(Object.fromEntries(allowed.headers)).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-headers": "authorization,content-type",
      "access-control-allow-methods": "GET, POST, DELETE",
    });
    expect(allowed.headers.get("access-control-allow-credentials")).toBeNull();
    const refused = await fetch(`${gateway.url}/v1/models`, { headers: { origin } });
    expect(refused.status).toBe(401);
    expect(refused.headers.get("access-control-allow-origin")).toBe(origin);
    expect(refused.headers.get("access-control-expose-headers")).toContain("x-routelet-call");
  });

  it("never reach the operator's endpoints", async () => {
    await settings({ cors: { origins: ["*"] } });
    const response = await preflight("/api/settings");
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
  });
});
