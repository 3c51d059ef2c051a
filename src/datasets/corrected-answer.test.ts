import { describe, expect, it } from "vitest";
import type { WireDialect } from "../dialects/call.ts";
import { emptyRequest, type ModelRequest } from "../dialects/model-request.ts";
import { correctedChoice } from "./corrected-answer.ts";

const text = [{ type: "text", text: "Bern" }];
const call = [{ type: "tool_call", name: "weather", arguments: '{"city":"Bern"}' }];
const json: Partial<ModelRequest> = { format: { type: "json_object" } };

const read = (dialect: WireDialect, corrected: unknown, request: Partial<ModelRequest> = {}) =>
  correctedChoice(corrected, { dialect, request: { ...emptyRequest(), ...request } });

describe("a corrected answer", () => {
  it.each<[WireDialect, string, unknown, object[]]>([
    ["openai-chat", "a text", "Bern", text],
    ["anthropic-messages", "a text", "Bern", text],
    ["openai-responses", "a text", "Bern", text],
    ["openai-chat", "a message", { role: "assistant", content: "Bern" }, text],
    ["openai-chat", "a message without its role", { content: "Bern" }, text],
    [
      "openai-chat",
      "a tool call",
      {
        content: null,
        tool_calls: [
          { id: "c", type: "function", function: { name: "weather", arguments: '{"city":"Bern"}' } },
        ],
      },
      call,
    ],
    [
      "openai-chat",
      "a whole reply",
      { choices: [{ index: 0, message: { role: "assistant", content: "Bern" }, finish_reason: "stop" }] },
      text,
    ],
    [
      "anthropic-messages",
      "a message",
      { role: "assistant", content: [{ type: "text", text: "Bern" }] },
      text,
    ],
    ["anthropic-messages", "a message of words", { content: "Bern" }, text],
    [
      "anthropic-messages",
      "its blocks",
      [{ type: "tool_use", id: "t", name: "weather", input: { city: "Bern" } }],
      call,
    ],
    [
      "openai-responses",
      "a whole response",
      {
        status: "completed",
        output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "Bern" }] }],
      },
      text,
    ],
    [
      "openai-responses",
      "its items",
      [{ type: "function_call", call_id: "c", name: "weather", arguments: '{"city":"Bern"}' }],
      call,
    ],
    [
      "openai-responses",
      "one item",
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "Bern" }] },
      text,
    ],
  ])("of %s may be %s", (dialect, _what, corrected, parts) => {
    const choice = read(dialect, corrected);
    expect(choice?.parts).toMatchObject(parts);
    expect(["stop", "tool_calls"]).toContain(choice?.finish);
  });

  it("may be the JSON that was asked for", () => {
    expect(read("openai-chat", { city: "Bern" }, json)?.parts).toEqual([
      { type: "text", text: '{"city":"Bern"}' },
    ]);
  });

  it.each<[WireDialect, unknown]>([
    ["openai-chat", { city: "Bern" }],
    ["openai-chat", []],
    ["openai-chat", { choices: [] }],
    ["anthropic-messages", { city: "Bern" }],
    ["openai-responses", { city: "Bern" }],
    ["openai-completions", { city: "Bern" }],
  ])("of %s is not %j", (dialect, corrected) => {
    expect(read(dialect, corrected)).toBeNull();
  });
});
