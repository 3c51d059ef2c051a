import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type ClientWorld, startClientWorld } from "./harness/clients.ts";
import { API_KEY, type TestGateway } from "./harness/gateway.ts";
import { alwaysStreaming, scriptedModel, WEATHER_ARGUMENTS } from "./harness/scripted-model.ts";
import type { Upstream } from "./harness/upstream.ts";

const SCHEMA = { type: "object" as const, properties: { city: { type: "string" } }, required: ["city"] };

let world: ClientWorld;
let upstream: Upstream;
let gateway: TestGateway;
let openai: OpenAI;
let anthropic: Anthropic;

beforeAll(async () => {
  world = await startClientWorld();
  ({ upstream, gateway } = world);
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: API_KEY, maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: gateway.url, apiKey: API_KEY, maxRetries: 0 });
});

afterAll(async () => {
  await world.close();
});

/** What a turn brought, whatever the dialect. */
interface Turn {
  text: string;
  calls: { id: string; name: string; arguments: unknown }[];
  end: string;
  inputTokens: number;
}

type Client = (options: { model: string; stream: boolean }) => Promise<[Turn, Turn]>;

const QUESTION = "What is the weather in Zürich?";

const chat: Client = async ({ model, stream }) => {
  const tools = [{ type: "function" as const, function: { name: "weather", parameters: SCHEMA } }];
  const ask = async (messages: OpenAI.ChatCompletionMessageParam[]): Promise<OpenAI.ChatCompletion> =>
    stream
      ? openai.chat.completions
          .stream({ model, messages, tools, stream_options: { include_usage: true } })
          .finalChatCompletion()
      : openai.chat.completions.create({ model, messages, tools });
  const turn = ({ choices, usage }: OpenAI.ChatCompletion): Turn => ({
    text: choices[0]?.message.content ?? "",
    calls: (choices[0]?.message.tool_calls ?? []).flatMap((call) =>
      call.type === "function"
        ? { id: call.id, name: call.function.name, arguments: JSON.parse(call.function.arguments) }
        : [],
    ),
    end: choices[0]?.finish_reason ?? "",
    inputTokens: usage?.prompt_tokens ?? -1,
  });
  const question = { role: "user" as const, content: QUESTION };
  const first = await ask([question]);
  const said = first.choices[0]?.message;
  if (said === undefined) throw new Error("no choice");
  const id = said.tool_calls?.[0]?.id ?? "";
  const second = await ask([question, said, { role: "tool", tool_call_id: id, content: "sunny" }]);
  return [turn(first), turn(second)];
};

const responses: Client = async ({ model, stream }) => {
  const tools = [{ type: "function" as const, name: "weather", parameters: SCHEMA, strict: false }];
  const ask = async (input: OpenAI.Responses.ResponseInput): Promise<OpenAI.Responses.Response> =>
    stream
      ? openai.responses.stream({ model, input, tools, store: false }).finalResponse()
      : openai.responses.create({ model, input, tools, store: false });
  const turn = (response: OpenAI.Responses.Response): Turn => ({
    text: response.output_text,
    calls: response.output.flatMap((item) =>
      item.type === "function_call"
        ? { id: item.call_id, name: item.name, arguments: JSON.parse(item.arguments) }
        : [],
    ),
    end: response.status ?? "",
    inputTokens: response.usage?.input_tokens ?? -1,
  });
  const question = { role: "user" as const, content: QUESTION };
  const first = await ask([question]);
  const call = first.output.find((item) => item.type === "function_call");
  if (call?.type !== "function_call") throw new Error("no call");
  const second = await ask([
    question,
    call,
    { type: "function_call_output", call_id: call.call_id, output: "sunny" },
  ]);
  return [turn(first), turn(second)];
};

const messages: Client = async ({ model, stream }) => {
  const tools = [{ name: "weather", input_schema: SCHEMA }];
  const ask = async (history: Anthropic.MessageParam[]): Promise<Anthropic.Message> => {
    const body = { model, messages: history, tools, max_tokens: 100 };
    return stream ? anthropic.messages.stream(body).finalMessage() : anthropic.messages.create(body);
  };
  const turn = ({ content, stop_reason, usage }: Anthropic.Message): Turn => ({
    text: content.map((block) => (block.type === "text" ? block.text : "")).join(""),
    calls: content.flatMap((block) =>
      block.type === "tool_use" ? { id: block.id, name: block.name, arguments: block.input } : [],
    ),
    end: stop_reason ?? "",
    inputTokens:
      usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0),
  });
  const question = { role: "user" as const, content: QUESTION };
  const first = await ask([question]);
  const call = first.content.find((block) => block.type === "tool_use");
  if (call?.type !== "tool_use") throw new Error("no call");
  const second = await ask([
    question,
    { role: "assistant", content: first.content },
    { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "sunny" }] },
  ]);
  return [turn(first), turn(second)];
};

const ENDS: Record<string, [string, string]> = {
  chat: ["tool_calls", "stop"],
  responses: ["completed", "completed"],
  messages: ["tool_use", "end_turn"],
};

describe.each([
  ["chat", chat],
  ["responses", responses],
  ["messages", messages],
] as const)("a client of the %s dialect", (name, client) => {
  describe.each([
    ["an OpenAI-compatible backend", "gpt-x", "llm/openai/gpt-x", 8],
    ["an Anthropic backend", "claude-x", "llm/anthropic/claude-x", 8],
  ])("with %s", (_backend, model, servedBy, inputTokens) => {
    it.each([
      ["whole", false, scriptedModel],
      ["streamed", true, scriptedModel],
      ["whole, from a backend that streams unasked", false, alwaysStreaming(scriptedModel)],
    ])("makes a tool round trip, %s", async (_how, stream, provider) => {
      upstream.always(provider);
      const [first, second] = await client({ model, stream });
      expect(first).toMatchObject({
        text: "",
        calls: [{ name: "weather", arguments: WEATHER_ARGUMENTS }],
        end: ENDS[name]?.[0],
        inputTokens,
      });
      expect(second).toMatchObject({ text: "It is sunny.", calls: [], end: ENDS[name]?.[1] });
      const asked = JSON.parse(upstream.requests.at(-1)?.body.toString() ?? "");
      expect(JSON.stringify(asked.messages)).toContain(first.calls[0]?.id);
      await expectRecorded(servedBy);
    });
  });
});

async function expectRecorded(servedBy: string): Promise<void> {
  await expect
    .poll(async () => {
      const { data } = (await gateway.admin("/api/calls?limit=1")) as { data: object[] };
      return data[0];
    })
    .toMatchObject({ outcome: "done", served_by: servedBy, usage: { input_tokens: 8, output_tokens: 4 } });
}

afterEach(() => upstream.always(scriptedModel));

describe("POST /v1/messages/count_tokens", () => {
  const count = (model: string) =>
    anthropic.messages.countTokens({ model, messages: [{ role: "user", content: QUESTION }] }).withResponse();

  it("is counted by the provider where it can count", async () => {
    const { data, response } = await count("claude-x");
    expect(data.input_tokens).toBe(4711);
    expect(response.headers.get("x-routelet-estimated")).toBeNull();
    expect(JSON.parse(upstream.requests.at(-1)?.body.toString() ?? "")).not.toHaveProperty("max_tokens");
  });

  it("is estimated elsewhere, and says so", async () => {
    const { data, response } = await count("gpt-x");
    expect(data.input_tokens).toBeGreaterThan(5);
    expect(data.input_tokens).toBeLessThan(50);
    expect(response.headers.get("x-routelet-estimated")).toBe("true");
  });
});

describe("POST /v1/responses/input_tokens", () => {
  const count = (body: object) =>
    openai.responses.inputTokens.count({ model: "gpt-x", input: QUESTION, ...body }).withResponse();

  it("is estimated where the backend does not count, and says so", async () => {
    const { data, response } = await count({});
    expect(data.object).toBe("response.input_tokens");
    expect(data.input_tokens).toBeGreaterThan(5);
    expect(data.input_tokens).toBeLessThan(50);
    expect(response.headers.get("x-routelet-estimated")).toBe("true");
  });

  it("counts what was said before", async () => {
    const long = "All of these words count. ".repeat(100);
    const { id } = await openai.responses.create({ model: "gpt-x", input: long });
    const { data } = await count({ previous_response_id: id });
    expect(data.input_tokens).toBeGreaterThan(400);
    await expect(count({ previous_response_id: "resp_none" })).rejects.toMatchObject({ status: 400 });
  });
});

describe("POST /v1/responses/compact", () => {
  const compact = (body: object) =>
    gateway.fetch("/v1/responses/compact", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });

  it("passes to a backend that may have it", async () => {
    const answer = {
      id: "resp_c",
      object: "response.compaction",
      output: [],
      usage: { input_tokens: 5, output_tokens: 2 },
    };
    upstream.always({
      headers: { "content-type": "application/json" },
      steps: [{ send: JSON.stringify(answer) }],
    });
    const body = { model: "gpt-x", input: [{ role: "user", content: "long" }] };
    const response = await compact(body);
    expect(await response.json()).toEqual(answer);
    const request = upstream.requests.at(-1);
    expect([request?.path, JSON.parse(request?.body.toString() ?? "")]).toEqual([
      "/v1/responses/compact",
      body,
    ]);
    const id = response.headers.get("x-routelet-call");
    await expect
      .poll(() => gateway.admin(`/api/calls/${id}`))
      .toMatchObject({ endpoint: "/v1/responses/compact", usage: { input_tokens: 5, output_tokens: 2 } });
  });

  it.each([
    ["a backend that speaks another dialect", { model: "claude-x", input: "x" }, 404, "unsupported_endpoint"],
    ["nodes", { model: "slm", input: "x" }, 400, "unsupported_endpoint"],
    [
      "what only the gateway keeps",
      { model: "gpt-x", previous_response_id: "resp_1" },
      400,
      "unsupported_parameter",
    ],
  ])("is refused by name for %s", async (_name, body, status, code) => {
    const before = upstream.requests.length;
    const response = await compact(body);
    const { error } = (await response.json()) as { error: { code: string } };
    expect([response.status, error.code, upstream.requests.length]).toEqual([status, code, before]);
  });
});

describe("a stored chat completion", () => {
  it.each(["gpt-x", "claude-x"])("is not made, and the answer of %s says so", async (model) => {
    const body = { model, messages: [{ role: "user" as const, content: "x" }] };
    const { response } = await openai.chat.completions.create({ ...body, store: true }).withResponse();
    expect(response.headers.get("x-routelet-store")).toBe("off");
    expect(JSON.parse(upstream.requests.at(-1)?.body.toString() ?? "")).not.toHaveProperty("store");
    const plain = await openai.chat.completions.create(body).withResponse();
    expect(plain.response.headers.get("x-routelet-store")).toBeNull();
  });
});

describe("stored responses", () => {
  const ask = (body: object) =>
    openai.responses.create({
      model: "gpt-x",
      input: "first",
      ...body,
    } as OpenAI.Responses.ResponseCreateParamsNonStreaming);

  it.each([
    ["whole", false],
    ["streamed", true],
  ])("are there the moment the reply is, and are gone on from: %s", async (_how, stream) => {
    const tools = [{ type: "function" as const, name: "weather", parameters: SCHEMA, strict: false }];
    const body = { model: "gpt-x", input: "first", tools, instructions: "once" };
    const first = stream
      ? await openai.responses.stream(body).finalResponse()
      : await openai.responses.create(body);
    const call = first.output.find((item) => item.type === "function_call");
    if (call?.type !== "function_call") throw new Error("no call");
    const second = await ask({
      previous_response_id: first.id,
      input: [{ type: "function_call_output", call_id: call.call_id, output: "sunny" }],
    });
    expect(second.output_text).toBe("It is sunny.");
    expect(second.previous_response_id).toBe(first.id);
    const asked = JSON.parse(upstream.requests.at(-1)?.body.toString() ?? "");
    expect(asked.messages.map(({ role }: { role: string }) => role)).toEqual(["user", "assistant", "tool"]);
    expect(await openai.responses.retrieve(first.id)).toMatchObject({
      id: first.id,
      output: [{ id: call.id, call_id: call.call_id, arguments: call.arguments }],
    });
    const items = await openai.responses.inputItems.list(second.id, { order: "asc" });
    expect(items.data.map(({ type }) => type)).toEqual(["message", "function_call", "function_call_output"]);
  });

  it("can be deleted, and are nobody else's", async () => {
    const { id } = await ask({});
    const { key } = (await gateway.admin("/api/keys", {
      method: "POST",
      body: JSON.stringify({ name: "same project" }),
    })) as { key: string };
    const sibling = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 });
    expect((await sibling.responses.retrieve(id)).id).toBe(id);
    await openai.responses.delete(id);
    await expect(openai.responses.retrieve(id)).rejects.toMatchObject({
      status: 404,
      code: "response_not_found",
    });
    await expect(ask({ previous_response_id: id })).rejects.toMatchObject({
      status: 400,
      code: "previous_response_not_found",
      param: "previous_response_id",
    });
  });

  it("are not made with store: false", async () => {
    const { id } = await ask({ store: false });
    await expect(openai.responses.retrieve(id)).rejects.toMatchObject({ status: 404 });
  });

  it("are refused, or left out with a header, where no content is kept", async () => {
    const put = (settings: object) =>
      gateway.admin("/api/settings", { method: "PUT", body: JSON.stringify(settings) });
    await put({ content: { store: "off" } });
    try {
      await expect(ask({ store: true })).rejects.toMatchObject({ status: 400, code: "store_unavailable" });
      const { data, response } = await openai.responses.create({ model: "gpt-x", input: "x" }).withResponse();
      expect(response.headers.get("x-routelet-store")).toBe("off");
      expect((data as { store?: boolean }).store).toBe(false);
    } finally {
      await put({});
    }
  });
});
