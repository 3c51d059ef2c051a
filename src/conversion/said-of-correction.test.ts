import { describe, expect, it } from "vitest";
import { saidOfCorrection } from "./said-of-correction.ts";

const CALL = { name: "weather", arguments: '{"city":"Bern"}' };
const chatCall = { id: "c", type: "function", function: CALL };

describe("a corrected answer", () => {
  it.each<[string, unknown, { text?: string; calls?: object[] }]>([
    ["a text", "Bern", { text: "Bern" }],
    ["a chat message", { role: "assistant", content: "Bern" }, { text: "Bern" }],
    [
      "a chat message in parts",
      {
        role: "assistant",
        content: [
          { type: "text", text: "Be" },
          { type: "text", text: "rn" },
        ],
      },
      { text: "Bern" },
    ],
    [
      "a chat message with a call",
      { role: "assistant", content: null, tool_calls: [chatCall] },
      { calls: [CALL] },
    ],
    [
      "a whole chat reply",
      { choices: [{ message: { role: "assistant", content: "Bern" } }] },
      { text: "Bern" },
    ],
    [
      "a whole response",
      {
        object: "response",
        output: [
          { type: "reasoning", summary: [] },
          { type: "message", role: "assistant", content: [{ type: "output_text", text: "Bern" }] },
          { type: "function_call", call_id: "c", ...CALL },
        ],
      },
      { text: "Bern", calls: [CALL] },
    ],
    [
      "a whole message of Anthropic's",
      {
        type: "message",
        role: "assistant",
        content: [
          { type: "text", text: "Let me see." },
          { type: "tool_use", id: "t", name: "weather", input: { city: "Bern" } },
        ],
      },
      { text: "Let me see.", calls: [CALL] },
    ],
    ["a list of calls", [chatCall], { calls: [CALL] }],
    ["one call", chatCall, { calls: [CALL] }],
    ["the JSON that was due", { city: "Bern", name: "x" }, { text: '{"city":"Bern","name":"x"}' }],
    ["a list that was due", ["Bern", "Thun"], { text: '["Bern","Thun"]' }],
  ])("that is %s", (_what, corrected, { text = "", calls = [] }) => {
    expect(saidOfCorrection(corrected)).toMatchObject({ text, calls, finish: "complete" });
  });

  it("that says nothing is none", () => {
    expect(saidOfCorrection({ choices: [{ message: { role: "assistant", content: null } }] })).toBeNull();
    expect(saidOfCorrection(undefined)).toBeNull();
  });
});
