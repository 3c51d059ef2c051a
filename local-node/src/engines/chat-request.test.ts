import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NodeError } from "../serve/contract.ts";
import { parseChatRequest } from "./chat-request.ts";

const hello = [{ role: "user", content: "Hello" }];
const encode = (body: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(body));
const parse = (body: object) => parseChatRequest(encode({ model: "m", messages: hello, ...body }));

function refusal(body: object): NodeError {
  try {
    parse(body);
  } catch (error) {
    if (error instanceof NodeError) return error;
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(body)}`);
}

describe("parseChatRequest", () => {
  it("fills in the API's defaults, and llama.cpp's min_p where no truncation is named", () => {
    expect(parse({})).toEqual({
      messages: [{ role: "user", content: "Hello" }],
      stream: false,
      includeUsage: false,
      topLogprobs: null,
      grammar: null,
      truncate: false,
      responseFormat: { type: "text" },
      logitBias: [],
      n: 1,
      maxTokens: null,
      temperature: 1,
      topP: 1,
      topK: 0,
      minP: 0.05,
      seed: null,
      stop: [],
      tools: { tools: [], choice: { mode: "auto", allowed: [] }, parallel: true },
      reasoningEffort: null,
      frequencyPenalty: 0,
      presencePenalty: 0,
    });
  });

  it.each([
    [{ top_p: 1 }, { topP: 1, topK: 0, minP: 0 }],
    [{ top_k: 40 }, { topP: 1, topK: 40, minP: 0 }],
    [{ min_p: 0.2 }, { topP: 1, topK: 0, minP: 0.2 }],
  ])("takes %j as the only truncation", (body, expected) => {
    expect(parse(body)).toMatchObject(expected);
  });

  it("reads developer as system, joins text parts by lines, and takes null as absent", () => {
    const request = parse({
      messages: [
        { role: "developer", content: "Be brief." },
        {
          role: "user",
          content: [
            { type: "text", text: "a" },
            { type: "text", text: "b" },
          ],
          name: null,
        },
      ],
      stop: null,
      max_tokens: null,
      tools: null,
    });
    expect(request.messages).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: "a\nb" },
    ]);
    expect(request).toMatchObject({ stop: [], maxTokens: null });
  });

  it("takes either name of the token limit, and one stop text or several", () => {
    expect(parse({ max_tokens: 7 }).maxTokens).toBe(7);
    expect(parse({ max_completion_tokens: 8 }).maxTokens).toBe(8);
    expect(parse({ stop: "x" }).stop).toEqual(["x"]);
    expect(parse({ stop: ["x", "y"] }).stop).toEqual(["x", "y"]);
  });

  it("accepts fields that change nothing, and neutral values of those that it cannot honour", () => {
    const neutral = {
      user: "u",
      metadata: { a: "b" },
      store: true,
      service_tier: "auto",
      safety_identifier: "s",
      parallel_tool_calls: true,
      tools: [],
      tool_choice: "auto",
      n: 1,
      logprobs: false,
      logit_bias: {},
      response_format: { type: "text" },
      modalities: ["text"],
    };
    expect(parse(neutral)).toEqual(parse({}));
  });

  it("takes log-probabilities with none to twenty of the likeliest, and a grammar", () => {
    expect(parse({})).toMatchObject({ topLogprobs: null, grammar: null });
    expect(parse({ logprobs: true }).topLogprobs).toBe(0);
    expect(parse({ logprobs: true, top_logprobs: 20 }).topLogprobs).toBe(20);
    expect(parse({ top_logprobs: 0 }).topLogprobs).toBeNull();
    expect(parse({ grammar: 'root ::= "a"' }).grammar).toBe('root ::= "a"');
  });

  it("takes a response format, and no grammar beside it", () => {
    const response_format = { type: "json_schema", json_schema: { name: "a", schema: { type: "null" } } };
    expect(parse({ response_format }).responseFormat).toEqual(response_format);
    expect(refusal({ response_format, grammar: 'root ::= "a"' })).toMatchObject({ param: "grammar" });
    expect(refusal({ response_format: { type: "xml" } })).toMatchObject({ param: "response_format.type" });
    expect(refusal({ response_format: { type: "json_schema", json_schema: { name: "a b" } } })).toMatchObject(
      {
        param: "response_format.json_schema.name",
      },
    );
  });

  it.each([
    ["tools[1]", { tools: [{ type: "function", function: { name: "f" } }, { type: "custom" }] }],
    ["tool_choice", { tool_choice: { type: "custom", custom: { name: "f" } } }],
    ["functions", { functions: [{ name: "f" }] }],
    ["modalities", { modalities: ["text", "audio"] }],
    ["audio", { audio: { voice: "alloy", format: "wav" } }],
    ["never_heard_of", { never_heard_of: 1 }],
    ["messages[0].weight", { messages: [{ role: "user", content: "a", weight: 1 }] }],
    ["messages[0].tool_calls", { messages: [{ role: "user", content: "a", tool_calls: [{ id: "c" }] }] }],
    ["messages[0].role", { messages: [{ role: "function", name: "f", content: "a" }] }],
    [
      "messages[0].content[1]",
      {
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: "a" },
              { type: "image_url", image_url: { url: "data:," } },
            ],
          },
        ],
      },
    ],
    [
      "messages[1].tool_calls[0]",
      { messages: [...hello, { role: "assistant", tool_calls: [{ id: "c", type: "custom" }] }] },
    ],
  ])("refuses what it cannot honour and names it: %s", (param, body) => {
    expect(refusal(body)).toMatchObject({ status: 400, code: "unsupported_parameter", param });
  });

  it.each([
    ["messages", { messages: [] }],
    ["messages[0].content", { messages: [{ role: "user", content: 3 }] }],
    ["messages[0].role", { messages: [{ role: "wizard", content: "a" }] }],
    ["temperature", { temperature: "hot" }],
    ["temperature", { temperature: 2.1 }],
    ["top_p", { top_p: 0 }],
    ["max_tokens", { max_tokens: 0 }],
    ["max_tokens", { max_tokens: 5, max_completion_tokens: 6 }],
    ["seed", { seed: 1.5 }],
    ["stop", { stop: ["a", "b", "c", "d", "e"] }],
    ["stop", { stop: "" }],
    ["stream", { stream: "yes" }],
    ["stream_options", { stream_options: { include_usage: true } }],
    ["frequency_penalty", { frequency_penalty: 3 }],
    ["top_logprobs", { top_logprobs: 2 }],
    ["top_logprobs", { logprobs: true, top_logprobs: 21 }],
    ["n", { n: 17 }],
    ["n", { n: 0 }],
    ["logit_bias", { logit_bias: { hello: 5 } }],
    ["logit_bias.1", { logit_bias: { "1": 101 } }],
    ["grammar", { grammar: "" }],
  ])("names the field with a wrong value: %s", (param, body) => {
    expect(refusal(body)).toMatchObject({ status: 400, code: "invalid_value", param });
  });

  it.each(["{", "[]", "null", '"text"', ""])("refuses a body that is no JSON object: %j", (text) => {
    expect(() => parseChatRequest(new TextEncoder().encode(text))).toThrow(
      expect.objectContaining({ status: 400, code: "invalid_json" }),
    );
  });

  it("answers any JSON with a request or a 400, never with another error", () => {
    const field = fc.constantFrom("model", "messages", "stream", "stop", "seed", "tools", "n", "top_k");
    fc.assert(
      fc.property(fc.dictionary(field, fc.jsonValue()), (body) => {
        try {
          parseChatRequest(encode(body));
        } catch (error) {
          expect(error).toBeInstanceOf(NodeError);
          expect(error).toMatchObject({ status: 400 });
        }
      }),
    );
  });
});
