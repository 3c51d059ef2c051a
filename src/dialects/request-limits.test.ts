import { describe, expect, it } from "vitest";
import { anthropicMessages } from "./anthropic-messages/client.ts";
import { parseCountCall } from "./anthropic-messages/parse.ts";
import type { Call } from "./call.ts";
import { openAiChat } from "./openai-chat/client.ts";
import { openAiCompletions } from "./openai-completions/client.ts";
import { openAiEmbeddings } from "./openai-embeddings/client.ts";
import { openAiResponses } from "./openai-responses/client.ts";
import { MAX_MESSAGES, MAX_MODEL_NAME, MAX_TOOLS } from "./request-limits.ts";

const HI = { role: "user", content: "hi" };
const ENDPOINTS: Record<string, { parse: (body: Uint8Array) => Call; body: object }> = {
  "chat completions": { parse: openAiChat.parse, body: { messages: [HI] } },
  responses: { parse: openAiResponses.parse, body: { input: "hi" } },
  messages: { parse: anthropicMessages.parse, body: { max_tokens: 1, messages: [HI] } },
  count_tokens: { parse: parseCountCall, body: { messages: [HI] } },
  completions: { parse: openAiCompletions.parse, body: { prompt: "hi" } },
  embeddings: { parse: openAiEmbeddings.parse, body: { input: "hi" } },
};

const parse = (endpoint: string, more: object): Call => {
  const found = ENDPOINTS[endpoint];
  if (found === undefined) throw new Error(endpoint);
  return found.parse(new TextEncoder().encode(JSON.stringify({ model: "m", ...found.body, ...more })));
};

describe.each(Object.keys(ENDPOINTS))("a model's name in %s", (endpoint) => {
  it.each([
    ["empty", "", "is empty"],
    ["a line break", "gpt\n5", "control characters"],
    ["a header of its own", "gpt\r\nset-cookie: a=b", "control characters"],
    ["NUL", "gpt\u0000", "control characters"],
    ["DEL", "gpt\u007f", "control characters"],
    ["too long", "g".repeat(MAX_MODEL_NAME + 1), `longer than ${MAX_MODEL_NAME} characters`],
  ])("is refused by name before anything is asked: %s", (_, model, message) => {
    expect(() => parse(endpoint, { model })).toThrowError(
      expect.objectContaining({
        status: 400,
        code: "invalid_type",
        param: "model",
        message: expect.stringContaining(message),
      }),
    );
  });

  it.each(["模型/é", "g".repeat(MAX_MODEL_NAME), "hf:owner/repo:Q4_K_M"])("may be %s", (model) => {
    expect(parse(endpoint, { model }).requestedModel).toBe(model);
  });
});

describe("the tools and messages of a request", () => {
  it.each(["chat completions", "responses", "messages", "count_tokens"])("are limited in %s", (endpoint) => {
    const tool = { type: "custom", name: "t", input_schema: {} };
    expect(() => parse(endpoint, { tools: Array(MAX_TOOLS + 1).fill(tool) })).toThrowError(
      expect.objectContaining({ status: 400, code: "invalid_type", param: "tools" }),
    );
    expect(parse(endpoint, { tools: Array(MAX_TOOLS).fill(tool) }).needs.tools).toBe(true);
    const field = endpoint === "responses" ? "input" : "messages";
    expect(() => parse(endpoint, { [field]: Array(MAX_MESSAGES + 1).fill(HI) })).toThrowError(
      expect.objectContaining({ status: 400, code: "invalid_type", param: field }),
    );
  });
});
