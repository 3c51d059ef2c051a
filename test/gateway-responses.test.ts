import { createOpenAI } from "@ai-sdk/openai";
import { generateText, type ModelMessage, streamText } from "ai";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  brokenResponse,
  brokenRules,
  eventsOf,
} from "../src/dialects/openai-responses/fixtures/check-stream.ts";
import { BACKENDS, type ClientWorld, startClientWorld } from "./harness/clients.ts";
import { API_KEY, startTestGateway, type TestGateway } from "./harness/gateway.ts";
import { responsesProvider, startResponsesProvider, THOUGHT } from "./harness/responses-provider.ts";
import { alwaysStreaming, FINAL_WORDS, PLAIN_WORDS } from "./harness/scripted-model.ts";
import type { Upstream } from "./harness/upstream.ts";

type Json = Record<string, unknown>;

const IMAGE = "data:image/png;base64,iVBORw0KGgo=";
const GET_WEATHER = {
  type: "function",
  name: "get_weather",
  description: "Get the current weather for a location",
  parameters: {
    type: "object",
    properties: { location: { type: "string", description: "The city and state, e.g. San Francisco, CA" } },
    required: ["location"],
  },
};
const user = (content: unknown): Json => ({ type: "message", role: "user", content });

/** What the Open Responses compliance suite asks (openresponses/openresponses, `src/lib/compliance-tests.ts`). */
const COMPLIANCE: readonly (readonly [string, Json, (output: readonly Json[]) => boolean])[] = [
  ["basic text", { input: [user("Say hello in exactly 3 words.")] }, (output) => output.length > 0],
  [
    "a system message",
    { input: [{ type: "message", role: "system", content: "You are a pirate." }, user("Say hello.")] },
    (output) => output.length > 0,
  ],
  [
    "a tool call",
    { input: [user("What's the weather like in San Francisco?")], tools: [GET_WEATHER] },
    (output) => output.some(({ type }) => type === "function_call"),
  ],
  [
    "an image",
    {
      input: [
        user([
          { type: "input_text", text: "What do you see?" },
          { type: "input_image", image_url: IMAGE },
        ]),
      ],
    },
    (output) => output.length > 0,
  ],
  [
    "several turns",
    {
      input: [
        user("My name is Alice."),
        { type: "message", role: "assistant", content: "Hello Alice!" },
        user("What is my name?"),
      ],
    },
    (output) => output.length > 0,
  ],
];

describe("the responses dialect on backends of others", () => {
  let world: ClientWorld;
  let upstream: Upstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    world = await startClientWorld();
    ({ upstream, gateway } = world);
  });
  afterAll(() => world.close());

  const post = (body: Json) =>
    gateway.fetch("/v1/responses", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });

  describe.each(BACKENDS)("%s", (_backend, prefix) => {
    const model = `${prefix}4o`;

    it.each(COMPLIANCE)("complies with Open Responses: %s", async (_name, body, holds) => {
      const whole = (await (await post({ model, ...body })).json()) as Json;
      expect(brokenResponse(whole)).toEqual([]);
      expect(whole.status).toBe("completed");
      expect(holds(whole.output as Json[])).toBe(true);
      const events = eventsOf(await (await post({ model, ...body, stream: true })).text());
      expect(brokenRules(events)).toEqual([]);
      const final = events.at(-1)?.response as { output: Json[] } | undefined;
      expect(holds(final?.output ?? [])).toBe(true);
    });

    it.each([
      ["whole", false],
      ["streamed", true],
    ])(
      "goes on where a client names what was said by its id, as the AI SDK does: %s",
      async (_how, stream) => {
        const openai = createOpenAI({ baseURL: `${gateway.url}/v1`, apiKey: API_KEY });
        const turn = async (messages: ModelMessage[]) => {
          const options = { model: openai.responses(model), messages, maxRetries: 0 };
          if (!stream) {
            const { text, response } = await generateText(options);
            return { text, said: response.messages };
          }
          const result = streamText(options);
          return { text: await result.text, said: (await result.response).messages };
        };
        const first: ModelMessage[] = [{ role: "user", content: "first" }];
        const { text, said } = await turn(first);
        expect(text).toBe(PLAIN_WORDS);
        await turn([...first, ...said, { role: "user", content: "second" }]);
        const asked = upstream.requests.at(-1)?.body.toString() ?? "";
        expect(asked).toContain(PLAIN_WORDS);
        expect(asked).not.toContain("item_reference");
      },
    );
  });

  it("refuses by its place an item that was never kept", async () => {
    const response = await post({ model: "gpt-4o", input: [{ type: "item_reference", id: "msg_never" }] });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: "input[0]", message: /input\[0\]/ } });
  });
});

describe("a provider that speaks responses itself, and stores nothing", () => {
  let provider: Upstream;
  let gateway: TestGateway;
  let openai: OpenAI;

  beforeAll(async () => {
    provider = await startResponsesProvider();
    gateway = await startTestGateway({
      vars: { OPENAI_API_KEY: "provider-key", OPENAI_BASE_URL: `${provider.url}/v1` },
    });
    openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: API_KEY, maxRetries: 0 });
  });
  afterAll(async () => {
    await gateway.close();
    await provider.close();
  });

  const asked = (): Json => JSON.parse(provider.requests.at(-1)?.body.toString() ?? "") as Json;

  it.each([
    ["whole", false],
    ["streamed", true],
  ])("is gone on with, its own thoughts included: %s", async (_how, stream) => {
    const ask = (body: { input: string; previous_response_id?: string }) =>
      stream
        ? openai.responses.stream({ model: "gpt-5-mini", ...body }).finalResponse()
        : openai.responses.create({ model: "gpt-5-mini", ...body });
    const first = await ask({ input: "first" });
    expect(first).toMatchObject({ store: true, status: "completed" });
    const second = await ask({ input: "second", previous_response_id: first.id });
    expect(second).toMatchObject({ store: true, previous_response_id: first.id, output_text: FINAL_WORDS });
    expect((asked().input as Json[]).map(({ type, encrypted_content }) => [type, encrypted_content])).toEqual(
      [
        ["message", undefined],
        ["reasoning", THOUGHT],
        ["message", undefined],
        ["message", undefined],
      ],
    );
    expect(await openai.responses.retrieve(second.id)).toMatchObject({ id: second.id, store: true });
    const again = await openai.responses.stream({ response_id: second.id }).finalResponse();
    expect(again).toMatchObject({ id: second.id, output_text: FINAL_WORDS });
    const items = await openai.responses.inputItems.list(second.id, { order: "asc" });
    expect(items.data).toHaveLength(4);
  });

  it("is told nothing of a response that is made in the background", async () => {
    const { id } = await openai.responses.create({ model: "gpt-5-mini", input: "x", background: true });
    await expect
      .poll(() => openai.responses.retrieve(id))
      .toMatchObject({ id, status: "completed", background: true, output_text: PLAIN_WORDS });
  });

  it("counts input itself, and is asked for nothing that its endpoint does not know", async () => {
    const counted = { object: "response.input_tokens", input_tokens: 4711 };
    provider.always({
      headers: { "content-type": "application/json" },
      steps: [{ send: JSON.stringify(counted) }],
    });
    const body = { model: "gpt-5-mini", input: "x", instructions: "y" };
    const { data, response } = await openai.responses.inputTokens.count(body).withResponse();
    provider.always(responsesProvider);
    expect(data).toEqual(counted);
    expect(response.headers.get("x-routelet-estimated")).toBeNull();
    expect([provider.requests.at(-1)?.path, asked()]).toEqual(["/v1/responses/input_tokens", body]);
  });

  it("answers whole where it streams unasked", async () => {
    provider.always(alwaysStreaming(responsesProvider));
    const { data, response } = await openai.responses
      .create({ model: "gpt-5-mini", input: "x" })
      .withResponse();
    provider.always(responsesProvider);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(data).toMatchObject({ status: "completed", store: true, output_text: PLAIN_WORDS });
    expect(await openai.responses.retrieve(data.id)).toMatchObject({ id: data.id });
  });

  it("gets the words of items that the client names by their ids", async () => {
    const { output } = await openai.responses.create({ model: "gpt-5-mini", input: "first" });
    await openai.responses.create({
      model: "gpt-5-mini",
      input: [
        ...output.map(({ id }) => ({ type: "item_reference" as const, id: id ?? "" })),
        { role: "user", content: "second" },
      ],
    });
    expect((asked().input as Json[]).slice(0, 2)).toEqual(output);
  });

  it("judges itself an item that the gateway does not know", async () => {
    await expect(
      openai.responses.create({ model: "gpt-5-mini", input: [{ type: "item_reference", id: "msg_theirs" }] }),
    ).rejects.toMatchObject({ status: 404, message: expect.stringContaining("msg_theirs") });
  });

  it("is not taken for a server without the endpoint when it does not know an item", async () => {
    const input = [
      { type: "reasoning" as const, id: "rs_theirs", summary: [] },
      { role: "user" as const, content: "x" },
    ];
    await expect(openai.responses.create({ model: "gpt-5-mini", input })).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining("rs_theirs"),
    });
    expect(provider.requests.at(-1)?.path).toBe("/v1/responses");
  });

  it("is asked for nothing encrypted where the client keeps the conversation itself", async () => {
    await openai.responses.create({ model: "gpt-5-mini", input: "x", store: false });
    expect(asked()).toEqual({ model: "gpt-5-mini", input: "x", store: false });
  });
});
