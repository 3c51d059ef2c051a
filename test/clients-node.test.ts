import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import { generateText, type LanguageModel, Output, streamText } from "ai";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { API_KEY, startTestGateway, type TestGateway } from "./harness/gateway.ts";
import { startTestNode, type TestNode } from "./harness/node.ts";

// What each client gets from the starter model, in whatever words. Its engine has no tools and no schemas: a call that
// needs them is refused in the client's own terms.
const MODEL = "slm";
const QUESTION = "What color is the sky?";
const Answer = z.object({ color: z.enum(["blue", "green"]) });
const LIMIT = 24;

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
    await expect(openai.chat.completions.parse({ model: MODEL, messages, ...format })).rejects.toMatchObject({
      code: "unsupported_parameter",
      message: expect.stringContaining("json_schema"),
    });
    const stream = openai.responses.stream({ model: MODEL, input: QUESTION, max_output_tokens: LIMIT });
    const response = await stream.finalResponse();
    expect(response.output_text).toMatch(/\w/);
    expect(response.usage?.output_tokens).toBeGreaterThan(0);
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
    await expect(generateText({ ...asked, output: Output.object({ schema: Answer }) })).rejects.toMatchObject(
      { statusCode: 400, isRetryable: false },
    );
  });
});
