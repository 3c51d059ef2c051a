import { describe, expect, it } from "vitest";
import type { OutputPart } from "../dialects/model-request.ts";
import { CLIENT_DIALECTS } from "../dialects/registry.ts";
import { exampleOf } from "./example.ts";
import { lineOf } from "./fine-tuning-line.ts";

function requestOf(dialect: string, body: object) {
  const client = CLIENT_DIALECTS.find(({ name }) => name === dialect);
  const call = client?.parse(new TextEncoder().encode(JSON.stringify({ model: "m", ...body })));
  const request = call?.request?.();
  if (request === undefined) throw new Error(`${dialect} gave no request`);
  return request;
}

const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const called: OutputPart = { type: "tool_call", id: "call_1", name: "weather", arguments: '{"city":"Bern"}' };
const said: OutputPart = { type: "text", text: "Sunny." };

/** One conversation in each dialect, up to the tool's result. */
const CONVERSATIONS: Record<string, object> = {
  "openai-chat": {
    messages: [
      { role: "developer", content: "Be brief." },
      { role: "user", content: [{ type: "text", text: "Weather in Bern?" }] },
      {
        role: "assistant",
        content: null,
        reasoning_content: "hm",
        tool_calls: [
          { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Bern"}' } },
        ],
      },
      { role: "tool", tool_call_id: "call_1", content: "21 degrees" },
    ],
    tools: [{ type: "function", function: { name: "weather", parameters } }],
    parallel_tool_calls: false,
  },
  "openai-responses": {
    instructions: "Be brief.",
    input: [
      { role: "user", content: [{ type: "input_text", text: "Weather in Bern?" }] },
      { type: "function_call", call_id: "call_1", name: "weather", arguments: '{"city":"Bern"}' },
      { type: "function_call_output", call_id: "call_1", output: "21 degrees" },
    ],
    tools: [{ type: "function", name: "weather", parameters, strict: null }],
    parallel_tool_calls: false,
  },
  "anthropic-messages": {
    max_tokens: 100,
    system: "Be brief.",
    messages: [
      { role: "user", content: "Weather in Bern?" },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "hm", signature: "s" },
          { type: "tool_use", id: "call_1", name: "weather", input: { city: "Bern" } },
        ],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "call_1", content: "21 degrees" }] },
    ],
    tools: [{ name: "weather", input_schema: parameters }],
    tool_choice: { type: "auto", disable_parallel_tool_use: true },
  },
};

describe("a call as a line of the fine-tuning format", () => {
  it.each(Object.entries(CONVERSATIONS))("is the same from %s", (dialect, body) => {
    const line = lineOf(exampleOf(requestOf(dialect, body), [said]), false);
    expect(line).toEqual({
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Weather in Bern?" },
        {
          role: "assistant",
          content: null,
          tool_calls: [
            { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Bern"}' } },
          ],
        },
        { role: "tool", tool_call_id: "call_1", content: "21 degrees" },
        { role: "assistant", content: "Sunny." },
      ],
      tools: [{ type: "function", function: { name: "weather", parameters } }],
      parallel_tool_calls: false,
    });
  });

  const chat = (body: object) =>
    requestOf("openai-chat", { messages: [{ role: "user", content: "hi" }], ...body });

  it("ends with a tool call where that was the answer", () => {
    const tools = [{ type: "function", function: { name: "weather", parameters } }];
    const line = lineOf(exampleOf(chat({ tools }), [called]), false);
    expect(line?.messages.at(-1)).toMatchObject({ role: "assistant", tool_calls: [{ id: "call_1" }] });
  });

  it("offers no tools where none could be called: the format has no other word for it", () => {
    const tools = [{ type: "function", function: { name: "weather", parameters } }];
    const request = chat({ tools, tool_choice: "none", parallel_tool_calls: true });
    expect(lineOf(exampleOf(request, [said]), false)).not.toHaveProperty("tools");
    expect(exampleOf(request, [said])).toMatchObject({ tool_choice: "none", tools: [{}] });
  });

  it("leaves the model's thoughts out, and keeps the form that was asked for beside the line", () => {
    const thought: OutputPart = {
      type: "reasoning",
      text: "hm",
      signature: null,
      redacted: null,
      origin: "openai-chat",
    };
    const response_format = { type: "json_object" };
    const example = exampleOf(chat({ response_format }), [thought, { type: "text", text: "{}" }]);
    expect(example).toMatchObject({ answer: { role: "assistant", content: "{}" }, response_format });
    expect(JSON.stringify(example)).not.toContain("hm");
  });

  it("is marked where its call had to stay on nodes", () => {
    expect(lineOf(exampleOf(chat({}), [said]), true)).toMatchObject({ routelet: { nodes_only: true } });
  });

  it.each<[string, object, OutputPart[] | null]>([
    ["without an answer", {}, null],
    [
      "with sound",
      {
        messages: [
          { role: "user", content: [{ type: "input_audio", input_audio: { data: "AA", format: "wav" } }] },
        ],
      },
      [said],
    ],
    [
      "with a file",
      {
        messages: [
          {
            role: "user",
            content: [
              { type: "file", file: { file_data: "data:application/pdf;base64,AA", filename: "a.pdf" } },
            ],
          },
        ],
      },
      [said],
    ],
  ])("is none %s", (_what, body, answer) => {
    expect(lineOf(exampleOf(chat(body), answer), false)).toBeNull();
  });
});
