import { describe, expect, it } from "vitest";
import { NodeError } from "../serve/contract.ts";
import { parseChatRequest } from "./chat-request.ts";

const user = { role: "user", content: "Hello" };
const call = (id: string, args: string) => ({
  id,
  type: "function",
  function: { name: "get_weather", arguments: args },
});
const read = (...messages: object[]) =>
  parseChatRequest(new TextEncoder().encode(JSON.stringify({ model: "m", messages }))).messages;

function refusal(...messages: object[]): NodeError {
  try {
    read(...messages);
  } catch (error) {
    if (error instanceof NodeError) return error;
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(messages)}`);
}

describe("messages of a chat request", () => {
  it("are read with their tool calls, and results get the name of their tool", () => {
    expect(
      read(
        user,
        { role: "assistant", content: null, tool_calls: [call("c1", '{"city": "Rome"}'), call("c2", "")] },
        { role: "tool", tool_call_id: "c2", content: [{ type: "text", text: "rain" }] },
        { role: "tool", tool_call_id: "c1", content: "sun" },
      ),
    ).toEqual([
      { role: "user", content: "Hello" },
      {
        role: "assistant",
        content: "",
        toolCalls: [
          { id: "c1", name: "get_weather", arguments: { city: "Rome" } },
          { id: "c2", name: "get_weather", arguments: {} },
        ],
      },
      { role: "tool", content: "rain", callId: "c2", name: "get_weather" },
      { role: "tool", content: "sun", callId: "c1", name: "get_weather" },
    ]);
  });

  it("may be a refusal, carry reasoning and name who speaks", () => {
    expect(
      read(
        { ...user, name: "Ann" },
        { role: "assistant", content: null, refusal: "I cannot.", annotations: [], audio: null },
        { role: "assistant", content: [{ type: "refusal", refusal: "No." }], name: "bot" },
        { role: "assistant", content: "Yes.", reasoning_content: "Why not?" },
      ),
    ).toEqual([
      { role: "user", content: "Hello", name: "Ann" },
      { role: "assistant", content: "I cannot.", toolCalls: [] },
      { role: "assistant", content: "No.", name: "bot", toolCalls: [] },
      { role: "assistant", content: "Yes.", reasoning: "Why not?", toolCalls: [] },
    ]);
  });

  it.each([
    ["messages[1].tool_call_id", [user, { role: "tool", tool_call_id: "c9", content: "sun" }]],
    ["messages[1].tool_call_id", [user, { role: "tool", content: "sun" }]],
    ["messages[1].content", [user, { role: "assistant" }]],
    [
      "messages[1].tool_calls[0].function.arguments",
      [user, { role: "assistant", tool_calls: [call("c", "{")] }],
    ],
    [
      "messages[1].tool_calls[0].function.arguments",
      [user, { role: "assistant", tool_calls: [call("c", "[]")] }],
    ],
    ["messages[0].name", [{ ...user, name: "" }]],
  ])("name what does not fit together: %s", (param, messages) => {
    expect(refusal(...messages)).toMatchObject({ status: 400, code: "invalid_value", param });
  });
});
