import { describe, expect, it } from "vitest";
import type { ModelRequest } from "../model-request.ts";
import { encode } from "./fixtures/context.ts";
import { testRequest } from "./fixtures/request.ts";
import { readMessageReply } from "./read-whole.ts";

const REPLY = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-x",
  content: [{ type: "text", text: "hi" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 5, cache_read_input_tokens: 7, output_tokens: 2, service_tier: "standard" },
};
const read = (more: object, request: Partial<ModelRequest> = {}) =>
  readMessageReply(encode(JSON.stringify({ ...REPLY, ...more })), testRequest(request));

describe("readMessageReply", () => {
  it("reads the message", () => {
    expect(read({})).toEqual({
      id: "msg_1",
      model: "claude-x",
      created: null,
      choices: [
        {
          index: 0,
          parts: [{ type: "text", text: "hi" }],
          finish: "stop",
          stopSequence: null,
          logprobs: null,
        },
      ],
      usage: { inputTokens: 12, cachedInputTokens: 7, outputTokens: 2 },
      serviceTier: "default",
    });
  });

  it("reads blocks in their order and leaves out what the provider did itself", () => {
    const content = [
      { type: "thinking", thinking: "hm", signature: "EqQB" },
      { type: "thinking", thinking: "unsigned", signature: "" },
      { type: "redacted_thinking", data: "enc" },
      { type: "server_tool_use", id: "s", name: "web_search", input: {} },
      { type: "text", text: "so" },
      { type: "tool_use", id: "toolu_1", name: "f", input: { a: 1 } },
      { type: "tool_use", id: "toolu_2", name: "g" },
    ];
    expect(read({ content, stop_reason: "tool_use" }).choices[0]).toMatchObject({
      finish: "tool_calls",
      parts: [
        { type: "reasoning", text: "hm", signature: "EqQB", origin: "anthropic-messages" },
        { type: "reasoning", text: "unsigned", signature: null },
        { type: "reasoning", redacted: "enc" },
        { type: "text", text: "so" },
        { type: "tool_call", id: "toolu_1", name: "f", arguments: '{"a":1}' },
        { type: "tool_call", id: "toolu_2", name: "g", arguments: "{}" },
      ],
    });
  });

  it("reads the output tool's input as the answer", () => {
    const content = [{ type: "tool_use", id: "t", name: "respond_with_json", input: { a: 1 } }];
    const request: Partial<ModelRequest> = { format: { type: "json_object" } };
    expect(read({ content, stop_reason: "tool_use" }, request).choices[0]).toMatchObject({
      finish: "stop",
      parts: [{ type: "text", text: '{"a":1}' }],
    });
  });

  it("tells the stop sequence", () => {
    expect(read({ stop_reason: "stop_sequence", stop_sequence: "END" }).choices[0]).toMatchObject({
      finish: "stop_sequence",
      stopSequence: "END",
    });
  });

  it.each([
    [
      "an error inside a 200",
      { type: "error", error: { type: "overloaded_error", message: "m" } },
      "backend_busy",
    ],
    ["OpenAI's error", { error: { message: "m" } }, "upstream_error"],
    ["no message", { choices: [] }, "upstream_invalid_reply"],
    ["no object", [], "upstream_invalid_reply"],
  ])("throws for %s", (_name, body, code) => {
    expect(() => readMessageReply(encode(JSON.stringify(body)), testRequest())).toThrow(
      expect.objectContaining({ code, retryable: true }),
    );
  });
});
