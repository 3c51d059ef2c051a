import { describe, expect, it } from "vitest";
import type { ModelRequest } from "../model-request.ts";
import { encode } from "./fixtures/context.ts";
import { parseMessagesCall } from "./parse.ts";

const SMALL = { model: "claude-x", max_tokens: 10, messages: [{ role: "user", content: "hi" }] };
const parse = (body: unknown) => parseMessagesCall(encode(JSON.stringify(body)));
const request = (more: object): ModelRequest => {
  const built = parse({ ...SMALL, ...more }).request?.();
  if (built === undefined) throw new Error("no translation");
  return built;
};
const said = (content: unknown) => request({ messages: [{ role: "user", content }] });
const answered = (content: unknown) =>
  request({
    messages: [
      { role: "user", content: "q" },
      { role: "assistant", content },
    ],
  }).messages[1];

describe("a request in the internal form", () => {
  it("puts the system prompt first and keeps cache marks", () => {
    const mark = { type: "ephemeral", ttl: "1h" };
    expect(request({ system: [{ type: "text", text: "s", cache_control: mark }] }).messages).toEqual([
      { role: "system", content: [{ type: "text", text: "s", cacheControl: mark }] },
      { role: "user", content: [{ type: "text", text: "hi" }] },
    ]);
    expect(request({ system: "s" }).messages[0]).toEqual({
      role: "system",
      content: [{ type: "text", text: "s" }],
    });
  });

  it("reads images and documents of every source", () => {
    const content = said([
      { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } },
      { type: "image", source: { type: "url", url: "https://i" } },
      { type: "image", source: { type: "file", file_id: "file_1" } },
      {
        type: "document",
        title: "T",
        source: { type: "base64", media_type: "application/pdf", data: "BB==" },
      },
      { type: "document", source: { type: "text", media_type: "text/plain", data: "plain" } },
      { type: "document", source: { type: "content", content: [{ type: "text", text: "inner" }] } },
      { type: "document", source: { type: "url", url: "https://d" } },
    ]).messages[0];
    expect(content).toEqual({
      role: "user",
      content: [
        { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AA==" } },
        { type: "image", source: { kind: "url", url: "https://i" } },
        { type: "image", source: { kind: "file", id: "file_1" } },
        { type: "file", name: "T", source: { kind: "base64", mediaType: "application/pdf", data: "BB==" } },
        { type: "file", source: { kind: "text", text: "plain" } },
        { type: "text", text: "inner" },
        { type: "file", source: { kind: "url", url: "https://d" } },
      ],
    });
  });

  it("makes tool results messages of their own, before what was said beside them", () => {
    const { messages } = said([
      { type: "text", text: "and now?" },
      { type: "tool_result", tool_use_id: "t1", content: "42" },
      { type: "tool_result", tool_use_id: "t2", is_error: true },
    ]);
    expect(messages).toEqual([
      { role: "tool", callId: "t1", content: [{ type: "text", text: "42" }], isError: false },
      { role: "tool", callId: "t2", content: [], isError: true },
      { role: "user", content: [{ type: "text", text: "and now?" }] },
    ]);
  });

  it("makes no turn of a user who only brings results", () => {
    expect(said([{ type: "tool_result", tool_use_id: "t1", content: "42" }]).messages).toHaveLength(1);
    expect(said([]).messages).toEqual([{ role: "user", content: [] }]);
  });

  it("reads an assistant's turn in its order", () => {
    expect(
      answered([
        { type: "thinking", thinking: "hm", signature: "sig" },
        { type: "redacted_thinking", data: "enc" },
        { type: "text", text: "so" },
        { type: "tool_use", id: "t1", name: "f", input: { a: 1 } },
      ]),
    ).toEqual({
      role: "assistant",
      content: [
        { type: "reasoning", text: "hm", signature: "sig", redacted: null, origin: "anthropic-messages" },
        { type: "reasoning", text: "", signature: null, redacted: "enc", origin: "anthropic-messages" },
        { type: "text", text: "so" },
        { type: "tool_call", id: "t1", name: "f", arguments: '{"a":1}' },
      ],
    });
  });

  it("gives a foreign signature back to the dialect that it came from", () => {
    expect(
      answered([
        { type: "thinking", thinking: "a", signature: "" },
        { type: "thinking", thinking: "b", signature: "routelet:openai-responses:xyz" },
        { type: "redacted_thinking", data: "routelet:openai-responses:enc:1" },
      ]),
    ).toMatchObject({
      content: [
        { text: "a", signature: null },
        { text: "b", signature: "xyz", origin: "openai-responses" },
        { redacted: "enc:1", origin: "openai-responses" },
      ],
    });
  });

  it.each([
    [{ type: "auto" }, { type: "auto" }, null],
    [{ type: "any" }, { type: "required" }, null],
    [{ type: "none" }, { type: "none" }, null],
    [{ type: "tool", name: "f" }, { type: "tool", name: "f" }, null],
    [{ type: "auto", disable_parallel_tool_use: true }, { type: "auto" }, false],
  ])("reads tool_choice %j", (tool_choice, toolChoice, parallelToolCalls) => {
    expect(request({ tool_choice })).toMatchObject({ toolChoice, parallelToolCalls });
  });

  it.each([
    [
      { thinking: { type: "enabled", budget_tokens: 2000 } },
      { effort: null, budgetTokens: 2000, summary: null },
    ],
    [{ thinking: { type: "disabled" } }, { effort: "none", budgetTokens: null, summary: null }],
    [{ thinking: { type: "between_tools" } }, { effort: "minimal", budgetTokens: null, summary: null }],
    [
      { thinking: { type: "adaptive", display: "summarized" }, output_config: { effort: "max" } },
      { effort: "xhigh", budgetTokens: null, summary: "auto" },
    ],
    [{ output_config: { effort: "low" } }, { effort: "low", budgetTokens: null, summary: null }],
    [{}, null],
  ])("reads reasoning %j", (more, reasoning) => {
    expect(request(more).reasoning).toEqual(reasoning);
  });

  it("reads the plain fields", () => {
    expect(
      request({
        temperature: 0.5,
        top_p: 0.9,
        top_k: 40,
        stop_sequences: ["END"],
        metadata: { user_id: "u1" },
        service_tier: "standard_only",
        output_config: { format: { type: "json_schema", schema: { type: "object" } } },
        tools: [{ name: "f", description: "d", input_schema: { type: "object" }, strict: true }],
      }),
    ).toMatchObject({
      maxTokens: 10,
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      stop: ["END"],
      user: "u1",
      serviceTier: "default",
      format: { type: "json_schema", schema: { type: "object" }, strict: true },
      tools: [{ name: "f", description: "d", parameters: { type: "object" }, strict: true }],
      nativeOnly: [],
    });
  });

  it.each([
    [
      "tools[1]",
      {
        tools: [
          { name: "f", input_schema: {} },
          { type: "web_search_20250305", name: "web_search" },
        ],
      },
    ],
    ["tools[0]", { tools: [{ type: "bash_20250124", name: "bash" }] }],
    ["tools[0]", { tools: [{ type: "computer_20250124", name: "computer" }] }],
    ["tools[0].input_examples", { tools: [{ name: "f", input_schema: {}, input_examples: [{}] }] }],
    ["container", { container: "c1" }],
    ["mcp_servers", { mcp_servers: [{ type: "url", url: "https://m", name: "m" }] }],
    ["context_management", { context_management: { edits: [{ type: "clear_tool_uses_20250919" }] } }],
    ["speed", { speed: "fast" }],
    ["some_new_field", { some_new_field: true }],
    ["max_tokens", { max_tokens: 0 }],
    ["output_config.task_budget", { output_config: { task_budget: { total: 1 } } }],
    ["metadata.tag", { metadata: { tag: "x" } }],
    ["thinking.type", { thinking: { type: "psychic" } }],
    [
      "messages[0].content[0].citations",
      {
        messages: [
          {
            role: "user",
            content: [
              {
                type: "document",
                citations: { enabled: true },
                source: { type: "text", media_type: "text/plain", data: "x" },
              },
            ],
          },
        ],
      },
    ],
    [
      "messages[0].content[0]",
      { messages: [{ role: "user", content: [{ type: "container_upload", file_id: "f" }] }] },
    ],
    [
      "messages[0].content[0].content[0]",
      {
        messages: [
          {
            role: "user",
            content: [
              { type: "tool_result", tool_use_id: "t", content: [{ type: "search_result", source: "s" }] },
            ],
          },
        ],
      },
    ],
    [
      "messages[0].content[0]",
      {
        messages: [
          { role: "assistant", content: [{ type: "server_tool_use", id: "s", name: "x", input: {} }] },
        ],
      },
    ],
  ])("notes %s as something that only Anthropic's own backends have", (path, more) => {
    const { nativeOnly, hosted } = request(more);
    expect([...nativeOnly, ...hosted]).toEqual([path]);
  });

  it.each([
    { context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] } },
    { mcp_servers: [] },
    { container: null },
    { speed: "standard" },
    { cache_control: { type: "ephemeral" } },
    { diagnostics: { previous_message_id: null } },
    { tools: [{ name: "f", input_schema: {}, eager_input_streaming: true, defer_loading: false }] },
  ])("lets %j pass: it asks nothing that a reply would show", (more) => {
    const { nativeOnly, hosted } = request(more);
    expect([...nativeOnly, ...hosted]).toEqual([]);
  });
});
