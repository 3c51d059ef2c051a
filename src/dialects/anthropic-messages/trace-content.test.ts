import { describe, expect, it } from "vitest";
import { encode } from "./fixtures/context.ts";
import { RECORDED } from "./fixtures/recorded.ts";
import { parseMessagesCall } from "./parse.ts";
import { traceReply, traceRequest } from "./trace-content.ts";

describe("traceRequest", () => {
  it("gives the messages in the chat shape, the system prompt first", () => {
    const body = {
      model: "m",
      max_tokens: 1,
      system: [{ type: "text", text: "be brief" }],
      messages: [
        { role: "user", content: "hi" },
        {
          role: "assistant",
          content: [
            { type: "text", text: "a" },
            { type: "tool_use", id: "t", name: "f", input: { x: 1 } },
          ],
        },
        {
          role: "user",
          content: [{ type: "tool_result", tool_use_id: "t", content: [{ type: "text", text: "r" }] }],
        },
      ],
    };
    expect(traceRequest(parseMessagesCall(encode(JSON.stringify(body))))).toEqual([
      { role: "system", content: "be brief" },
      { role: "user", content: "hi" },
      {
        role: "assistant",
        content: "a",
        tool_calls: [{ id: "t", type: "function", function: { name: "f", arguments: '{"x":1}' } }],
      },
      { role: "tool", tool_call_id: "t", content: "r" },
    ]);
  });
});

describe("traceReply", () => {
  const expected = {
    message: {
      role: "assistant",
      content: "Okay, let's check the weather for San Francisco, CA:",
      tool_calls: [
        {
          id: "toolu_01T1x1fJ34qAmk2tNTrN7Up6",
          type: "function",
          function: {
            name: "get_weather",
            arguments: '{"location": "San Francisco, CA", "unit": "fahrenheit"}',
          },
        },
      ],
    },
  };

  it("puts a stream together again, and takes what a cut one has", () => {
    expect(traceReply(encode(RECORDED["tool-use"]), true)).toEqual([
      { ...expected, finish_reason: "tool_use" },
    ]);
    const cut = RECORDED["tool-use"].slice(0, RECORDED["tool-use"].indexOf("event: message_delta"));
    expect(traceReply(encode(cut), true)).toEqual([{ ...expected, finish_reason: null }]);
  });

  it("reads a whole reply", () => {
    const reply = { content: [{ type: "text", text: "hi" }], stop_reason: "end_turn" };
    expect(traceReply(encode(JSON.stringify(reply)), false)).toEqual([
      { message: { role: "assistant", content: "hi" }, finish_reason: "end_turn" },
    ]);
    expect(traceReply(encode("{}"), false)).toEqual([]);
  });
});
