import type { ChatCompletionCreateParams } from "openai/resources/chat/completions";
import { describe, expect, it } from "vitest";
import { RouteletError } from "../../errors.ts";
import { emptyRequest } from "../model-request.ts";
import { chatToRequest } from "./to-request.ts";

const HI = { role: "user", content: "hi" } as const;
const USER = { role: "user", content: [{ type: "text", text: "hi" }] };
const read = (more: Partial<ChatCompletionCreateParams>) =>
  chatToRequest({ model: "m", messages: [HI], ...more });
/** What the SDK's types forbid. */
const readLoose = (more: object) => chatToRequest({ model: "m", messages: [HI], ...more });

const text = (value: string) => ({ type: "text", text: value });
const SCHEMA = { type: "object", properties: { a: { type: "string" } } };

function refusal(more: object): RouteletError {
  try {
    readLoose(more);
  } catch (thrown) {
    if (thrown instanceof RouteletError) return thrown;
  }
  throw new Error("nothing was refused");
}

describe("chatToRequest", () => {
  it("asks for one call where the caller has functions", () => {
    expect(read({ functions: [{ name: "f" }] }).parallelToolCalls).toBe(false);
    expect(read({}).parallelToolCalls).toBeNull();
  });

  it("reads every field that has an internal form", () => {
    expect(
      read({
        tools: [
          { type: "function", function: { name: "f", description: "d", parameters: SCHEMA, strict: true } },
        ],
        tool_choice: "required",
        parallel_tool_calls: false,
        response_format: { type: "json_schema", json_schema: { name: "n", schema: SCHEMA, strict: true } },
        max_completion_tokens: 10,
        temperature: 0.5,
        top_p: 0.9,
        stop: ["a", "b"],
        seed: 7,
        n: 2,
        presence_penalty: 0.1,
        frequency_penalty: 0.2,
        logit_bias: { 5: -100 },
        logprobs: true,
        top_logprobs: 3,
        reasoning_effort: "low",
        verbosity: "high",
        service_tier: "flex",
        user: "old",
        safety_identifier: "u1",
        metadata: { a: "b" },
        prediction: { type: "content", content: "x" },
        prompt_cache_key: "k",
      }),
    ).toEqual({
      messages: [USER],
      tools: [{ name: "f", description: "d", parameters: SCHEMA, strict: true }],
      toolChoice: { type: "required" },
      parallelToolCalls: false,
      format: { type: "json_schema", name: "n", description: null, schema: SCHEMA, strict: true },
      maxTokens: 10,
      temperature: 0.5,
      topP: 0.9,
      topK: null,
      stop: ["a", "b"],
      seed: 7,
      n: 2,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      logitBias: { 5: -100 },
      logprobs: true,
      topLogprobs: 3,
      reasoning: { effort: "low", budgetTokens: null, summary: null },
      verbosity: "high",
      serviceTier: "flex",
      user: "u1",
      metadata: { a: "b" },
      prediction: { type: "content", content: "x" },
      promptCacheKey: "k",
      nativeOnly: [],
      hosted: [],
    });
  });

  it("takes null, and what says nothing, for nothing", () => {
    const said = { ...emptyRequest(), messages: [USER] };
    expect(
      read({
        store: false,
        stream: true,
        stream_options: { include_usage: true },
        modalities: ["text"],
        audio: null,
        stop: null,
        logit_bias: null,
        response_format: { type: "text" },
        metadata: null,
        prompt_cache_retention: "24h",
      }),
    ).toEqual(said);
  });

  it("keeps a schema as it came, whatever its properties are called", () => {
    const parameters = JSON.parse('{"__proto__":{"type":"string"},"constructor":1}');
    const { tools } = readLoose({ tools: [{ type: "function", function: { name: "f", parameters } }] });
    expect(JSON.stringify(tools[0]?.parameters)).toBe(JSON.stringify(parameters));
  });

  it("reads messages of all roles and parts of all types", () => {
    const { messages, nativeOnly } = read({
      messages: [
        { role: "system", content: "s", name: "n" },
        { role: "developer", content: [{ type: "text", text: "d" }] },
        {
          role: "user",
          name: "u",
          content: [
            { type: "text", text: "look" },
            { type: "image_url", image_url: { url: "https://example.com/a.png", detail: "low" } },
            { type: "image_url", image_url: { url: "data:image/png;base64,aGk=" } },
            { type: "input_audio", input_audio: { data: "aGk=", format: "wav" } },
            { type: "file", file: { file_data: "data:application/pdf;base64,aGk=", filename: "a.pdf" } },
            { type: "file", file: { file_id: "file-1" } },
          ],
        },
        {
          role: "assistant",
          content: [
            { type: "text", text: "well" },
            { type: "refusal", refusal: "no" },
          ],
          tool_calls: [{ id: "t", type: "function", function: { name: "f", arguments: "{}" } }],
        },
        { role: "tool", tool_call_id: "t", content: [{ type: "text", text: "r" }] },
        { role: "assistant", content: null, refusal: "never" },
        { role: "assistant", content: "" },
      ],
    });
    expect(nativeOnly).toEqual([]);
    expect(messages).toEqual([
      { role: "system", content: [text("s")], name: "n" },
      { role: "developer", content: [text("d")] },
      {
        role: "user",
        name: "u",
        content: [
          text("look"),
          { type: "image", source: { kind: "url", url: "https://example.com/a.png" }, detail: "low" },
          { type: "image", source: { kind: "base64", mediaType: "image/png", data: "aGk=" } },
          { type: "audio", data: "aGk=", format: "wav" },
          {
            type: "file",
            source: { kind: "base64", mediaType: "application/pdf", data: "aGk=" },
            name: "a.pdf",
          },
          { type: "file", source: { kind: "file", id: "file-1" } },
        ],
      },
      {
        role: "assistant",
        content: [
          text("well"),
          { type: "refusal", text: "no" },
          { type: "tool_call", id: "t", name: "f", arguments: "{}" },
        ],
      },
      { role: "tool", callId: "t", content: [text("r")], isError: false },
      { role: "assistant", content: [{ type: "refusal", text: "never" }] },
      { role: "assistant", content: [] },
    ]);
  });

  it("reads the functions that came before tools", () => {
    const call = (name: string) => ({
      role: "assistant",
      content: null,
      function_call: { name, arguments: "{}" },
    });
    const { messages, tools, toolChoice } = readLoose({
      functions: [{ name: "f", parameters: SCHEMA }],
      function_call: { name: "f" },
      messages: [
        call("f"),
        { role: "function", name: "f", content: "1" },
        call("f"),
        { role: "function", name: "f", content: null },
      ],
    });
    expect(tools).toEqual([{ name: "f", description: null, parameters: SCHEMA, strict: null }]);
    expect(toolChoice).toEqual({ type: "tool", name: "f" });
    expect(messages.map((message) => (message.role === "tool" ? message.callId : message.content))).toEqual([
      [{ type: "tool_call", id: "call_function_0", name: "f", arguments: "{}" }],
      "call_function_0",
      [{ type: "tool_call", id: "call_function_2", name: "f", arguments: "{}" }],
      "call_function_2",
    ]);
  });

  it.each(["reasoning_content", "reasoning"])(
    "keeps earlier thoughts that clients send back as %s",
    (field) => {
      const { messages, nativeOnly } = readLoose({
        messages: [{ role: "assistant", content: "x", [field]: "hm", annotations: [], id: "echo" }],
      });
      expect(nativeOnly).toEqual([]);
      expect(messages[0]?.content[0]).toMatchObject({ type: "reasoning", text: "hm", origin: "openai-chat" });
    },
  );

  it("keeps cache_control for backends that know it", () => {
    const cache_control = { type: "ephemeral" };
    const { messages, tools, nativeOnly } = readLoose({
      tools: [{ type: "function", function: { name: "f" }, cache_control }],
      messages: [
        { role: "system", content: [{ type: "text", text: "a", cache_control }] },
        { role: "user", content: "b", cache_control },
        { role: "tool", tool_call_id: "t", content: "c", cache_control },
      ],
    });
    expect(nativeOnly).toEqual([]);
    expect(tools[0]?.cacheControl).toEqual(cache_control);
    expect(messages).toMatchObject([
      { content: [{ text: "a", cacheControl: cache_control }] },
      { content: [{ text: "b", cacheControl: cache_control }] },
      { content: [{ text: "c" }], cacheControl: cache_control },
    ]);
  });

  it.each<[Partial<ChatCompletionCreateParams>["tool_choice"], object | null]>([
    ["auto", { type: "auto" }],
    ["none", { type: "none" }],
    ["required", { type: "required" }],
    [
      { type: "function", function: { name: "f" } },
      { type: "tool", name: "f" },
    ],
    [
      {
        type: "allowed_tools",
        allowed_tools: { mode: "required", tools: [{ type: "function", function: { name: "f" } }] },
      },
      { type: "allowed", mode: "required", names: ["f"] },
    ],
  ])("reads tool_choice %j", (tool_choice, toolChoice) => {
    expect(readLoose({ tool_choice })).toMatchObject({ toolChoice, nativeOnly: [] });
  });

  it.each<[object, string]>([
    [
      {
        tools: [
          { type: "function", function: { name: "f" } },
          { type: "custom", custom: { name: "c" } },
        ],
      },
      "tools[1]",
    ],
    [{ tools: [{ type: "function", function: { name: "f", defer: true } }] }, "tools[0].function.defer"],
    [{ tool_choice: { type: "custom", custom: { name: "c" } } }, "tool_choice"],
    [
      {
        tool_choice: { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [{ type: "custom" }] } },
      },
      "tool_choice",
    ],
    [{ response_format: { type: "grammar" } }, "response_format"],
    [{ web_search_options: {} }, "web_search_options"],
    [{ modalities: ["text", "audio"] }, "modalities"],
    [{ audio: { voice: "alloy", format: "wav" } }, "audio"],
    [{ moderation: {} }, "moderation"],
    [{ min_p: 0.1 }, "min_p"],
    [
      { messages: [{ role: "user", content: [{ type: "video_url", video_url: {} }] }] },
      "messages[0].content[0]",
    ],
    [
      { messages: [{ role: "user", content: [{ type: "text", text: "a", more: 1 }] }] },
      "messages[0].content[0].more",
    ],
    [{ messages: [{ role: "user", content: "a", more: 1 }] }, "messages[0].more"],
    [{ messages: [{ role: "assistant", audio: { id: "a" } }] }, "messages[0].audio"],
    [
      { messages: [{ role: "assistant", tool_calls: [{ id: "t", type: "custom", custom: {} }] }] },
      "messages[0].tool_calls[0]",
    ],
  ])(
    "names what only a native backend can honour, and drops nothing silently (trap 25): %j",
    (more, path) => {
      const { nativeOnly, hosted } = readLoose(more);
      expect([...nativeOnly, ...hosted]).toEqual([path]);
    },
  );

  it.each<[object, string]>([
    [{ messages: [{ role: "user" }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: [{ type: "text" }] }] }, "messages[0].content[0].text"],
    [
      { messages: [{ role: "user", content: [{ type: "refusal", refusal: "x" }] }] },
      "messages[0].content[0].type",
    ],
    [{ messages: [{ role: "system", content: [{ type: "image_url" }] }] }, "messages[0].content[0].type"],
    [
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: {} }] }] },
      "messages[0].content[0].image_url.url",
    ],
    [
      { messages: [{ role: "user", content: [{ type: "input_audio", input_audio: { data: "" } }] }] },
      "messages[0].content[0].input_audio.format",
    ],
    [{ messages: [{ role: "user", content: [{ type: "file", file: {} }] }] }, "messages[0].content[0].file"],
    [{ messages: [{ role: "tool", content: "x" }] }, "messages[0].tool_call_id"],
    [{ messages: [{ role: "function", name: "f", content: "x" }] }, "messages[0]"],
    [
      { messages: [{ role: "assistant", tool_calls: [{ type: "function" }] }] },
      "messages[0].tool_calls[0].id",
    ],
    [
      { messages: [{ role: "assistant", tool_calls: [{ id: "t", type: "function" }] }] },
      "messages[0].tool_calls[0].function",
    ],
    [
      {
        messages: [
          {
            role: "assistant",
            tool_calls: [{ id: "t", type: "function", function: { name: "f", arguments: {} } }],
          },
        ],
      },
      "messages[0].tool_calls[0].function.arguments",
    ],
    [{ tools: [{}] }, "tools[0].type"],
    [{ tools: [{ type: "function" }] }, "tools[0].function"],
    [{ tools: [{ type: "function", function: { name: "" } }] }, "tools[0].function.name"],
    [
      { tools: [{ type: "function", function: { name: "f", parameters: [] } }] },
      "tools[0].function.parameters",
    ],
    [{ tool_choice: "any" }, "tool_choice"],
    [{ tool_choice: { type: "function" } }, "tool_choice.function"],
    [{ tool_choice: { type: "allowed_tools" } }, "tool_choice.allowed_tools"],
    [{ response_format: { type: "json_schema" } }, "response_format.json_schema"],
    [{ metadata: { a: 1 } }, "metadata.a"],
    [{ prompt_cache_key: 5 }, "prompt_cache_key"],
  ])("refuses what is malformed, by its path: %j", (more, param) => {
    expect(refusal(more)).toMatchObject({ status: 400, code: "invalid_type", param });
  });
});
