import { describe, expect, it } from "vitest";
import { replyChoices, requestMessages } from "./content.ts";

const encode = (text: string) => new TextEncoder().encode(text);

describe("replyChoices", () => {
  it("reads the choices of a whole reply", () => {
    const reply = { choices: [{ message: { role: "assistant", content: "hi" }, finish_reason: "stop" }] };
    expect(replyChoices(encode(JSON.stringify(reply)), false)).toEqual([
      { message: { role: "assistant", content: "hi" }, finish_reason: "stop" },
    ]);
  });

  it("puts a stream together again, tool calls included, and takes what a cut stream has", () => {
    const chunks = [
      { choices: [{ index: 0, delta: { role: "assistant", content: "a" } }] },
      {
        choices: [
          {
            index: 0,
            delta: { tool_calls: [{ index: 0, id: "t", function: { name: "f", arguments: '{"x"' } }] },
          },
        ],
      },
      {
        choices: [
          { index: 0, delta: { content: "b", tool_calls: [{ index: 0, function: { arguments: ":1}" } }] } },
        ],
      },
      { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
    ];
    const text = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("");
    expect(replyChoices(encode(`${text}data: [DONE]\n\ndata: {"cut`), true)).toEqual([
      {
        message: {
          role: "assistant",
          content: "ab",
          tool_calls: [{ id: "t", type: "function", function: { name: "f", arguments: '{"x":1}' } }],
        },
        finish_reason: "tool_calls",
      },
    ]);
  });
});

describe("requestMessages", () => {
  it("gives the messages as they were sent", () => {
    expect(requestMessages('{"messages":[{"role":"user","content":"x"}]}')).toEqual([
      { role: "user", content: "x" },
    ]);
  });
});
