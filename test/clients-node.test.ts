import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import { generateText, type LanguageModel, Output, streamText, tool } from "ai";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { API_KEY, startTestGateway, type TestGateway } from "./harness/gateway.ts";
import { startTestNode, type TestNode } from "./harness/node.ts";

// What each client gets from the starter model, in whatever words. It hardly calls tools by itself: a call that must make
// one shows the way there and back.
const MODEL = "slm";
const QUESTION = "What color is the sky?";
const Answer = z.object({ color: z.enum(["blue", "green"]) });
const LIMIT = 24;
const WEATHER = "What is the weather in Berlin?";
const Weather = z.object({ city: z.enum(["Berlin", "Rome"]), days: z.int().min(1).max(7).optional() });

let gateway: TestGateway;
let node: TestNode;

beforeAll(async () => {
  Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });
  gateway = await startTestGateway();
  node = await startTestNode({ gateway });
});
afterAll(async () => {
  await node.close();
  await gateway.close();
});

describe("the embedded node, asked by", () => {
  it("the OpenAI SDK", async () => {
    const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: API_KEY, maxRetries: 0 });
    const messages = [{ role: "user" as const, content: QUESTION }];
    const chat = await openai.chat.completions.create({ model: MODEL, messages, max_tokens: LIMIT });
    expect(chat.choices[0]?.message.content).toMatch(/\w/);
    const format = { response_format: zodResponseFormat(Answer, "answer") };
    const parsed = await openai.chat.completions.parse({ model: MODEL, messages, ...format });
    expect(parsed.choices[0]?.message.parsed?.color).toMatch(/^(?:blue|green)$/);
    const stream = openai.responses.stream({ model: MODEL, input: QUESTION, max_output_tokens: LIMIT });
    const response = await stream.finalResponse();
    expect(response.output_text).toMatch(/\w/);
    expect(response.usage?.output_tokens).toBeGreaterThan(0);
  });

  it("the OpenAI SDK for a tool call, whole and streamed, and with its result", async () => {
    const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: API_KEY, maxRetries: 0 });
    const parameters = { ...z.toJSONSchema(Weather), additionalProperties: false };
    const tools = [
      { type: "function" as const, function: { name: "get_weather", strict: true, parameters } },
    ];
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: WEATHER }];
    const asked = {
      model: MODEL,
      messages,
      tools,
      temperature: 0,
      max_tokens: 200,
      parallel_tool_calls: false,
    };
    const whole = await openai.chat.completions.create({ ...asked, tool_choice: "required" });
    const message = whole.choices[0]?.message;
    const call = message?.tool_calls?.[0];
    if (message === undefined || call?.type !== "function") throw new Error("the model made no call");
    expect(whole.choices[0]?.finish_reason).toBe("tool_calls");
    expect(Weather.parse(JSON.parse(call.function.arguments)).city).toMatch(/\w/);

    const streamed = await openai.chat.completions
      .stream({ ...asked, tool_choice: { type: "function", function: { name: "get_weather" } } })
      .finalChatCompletion();
    expect(streamed.choices[0]?.message.tool_calls?.[0]).toMatchObject({
      function: { name: "get_weather", arguments: call.function.arguments },
    });

    const answer = await openai.chat.completions.create({
      ...asked,
      messages: [
        ...messages,
        message,
        { role: "tool", tool_call_id: call.id, content: "Sunny, 20 degrees." },
      ],
      tool_choice: "none",
      max_tokens: LIMIT,
    });
    expect(answer.choices[0]?.message.content).toMatch(/\w/);
    expect(answer.choices[0]?.message.tool_calls).toBeUndefined();
  });

  it("the Anthropic SDK for a tool call, whole and streamed, and with its result", async () => {
    const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: API_KEY, maxRetries: 0 });
    const tools: Anthropic.Tool[] = [
      { name: "get_weather", input_schema: { ...z.toJSONSchema(Weather), type: "object" } },
    ];
    const messages: Anthropic.MessageParam[] = [{ role: "user", content: WEATHER }];
    const asked = { model: MODEL, max_tokens: 200, temperature: 0, messages, tools };
    const whole = await anthropic.messages.create({
      ...asked,
      tool_choice: { type: "any", disable_parallel_tool_use: true },
    });
    const use = whole.content.find((block) => block.type === "tool_use");
    if (use === undefined) throw new Error("the model made no call");
    expect(whole.stop_reason).toBe("tool_use");
    expect(Weather.parse(use.input).city).toMatch(/\w/);
    const streamed = await anthropic.messages
      .stream({
        ...asked,
        tool_choice: { type: "tool", name: "get_weather", disable_parallel_tool_use: true },
      })
      .finalMessage();
    expect(streamed.content).toContainEqual(
      expect.objectContaining({ type: "tool_use", name: "get_weather", input: use.input }),
    );
    const answer = await anthropic.messages.create({
      ...asked,
      max_tokens: LIMIT,
      tool_choice: { type: "none" },
      messages: [
        ...messages,
        { role: "assistant", content: whole.content },
        { role: "user", content: [{ type: "tool_result", tool_use_id: use.id, content: "Sunny." }] },
      ],
    });
    expect(answer.content[0]).toMatchObject({ type: "text", text: expect.stringMatching(/\w/) });
  });

  it("the Anthropic SDK", async () => {
    const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: API_KEY, maxRetries: 0 });
    const body = {
      model: MODEL,
      max_tokens: LIMIT,
      messages: [{ role: "user" as const, content: QUESTION }],
    };
    const whole = await anthropic.messages.create(body);
    expect(whole.content[0]).toMatchObject({ type: "text", text: expect.stringMatching(/\w/) });
    const streamed = await anthropic.messages.stream(body).finalMessage();
    expect(streamed.content[0]).toMatchObject({ type: "text", text: expect.stringMatching(/\w/) });
    expect(streamed.usage.input_tokens).toBeGreaterThan(0);
    expect(streamed.usage.output_tokens).toBeGreaterThan(0);
  });

  it.each<[string, (url: string) => LanguageModel]>([
    ["openai", (url) => createOpenAI({ baseURL: url, apiKey: API_KEY })(MODEL)],
    ["anthropic", (url) => createAnthropic({ baseURL: url, apiKey: API_KEY })(MODEL)],
    [
      "openai-compatible",
      (url) =>
        createOpenAICompatible({
          name: "routelet",
          baseURL: url,
          apiKey: API_KEY,
          supportsStructuredOutputs: true,
        })(MODEL),
    ],
  ])("the AI SDK's provider %s", async (_provider, modelOf) => {
    const asked = { model: modelOf(`${gateway.url}/v1`), prompt: QUESTION, maxRetries: 0 };
    const limited = { ...asked, maxOutputTokens: LIMIT };
    expect((await generateText(limited)).text).toMatch(/\w/);
    const stream = streamText(limited);
    await stream.consumeStream();
    expect(await stream.text).toMatch(/\w/);
    const { output } = await generateText({ ...asked, output: Output.object({ schema: Answer }) });
    expect(output.color).toMatch(/^(?:blue|green)$/);
    const called = await generateText({
      ...limited,
      maxOutputTokens: 200,
      prompt: WEATHER,
      tools: { get_weather: tool({ inputSchema: Weather }) },
      toolChoice: "required",
    });
    expect(called.toolCalls[0]).toMatchObject({
      toolName: "get_weather",
      input: { city: expect.any(String) },
    });
  });
});
