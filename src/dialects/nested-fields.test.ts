import { describe, expect, it } from "vitest";
import { parseMessagesCall } from "./anthropic-messages/parse.ts";
import { messagesProblems } from "./anthropic-messages/problems.ts";
import { parseChatCall } from "./openai-chat/parse.ts";
import { chatProblems } from "./openai-chat/problems.ts";
import { parseResponsesCall } from "./openai-responses/parse.ts";

const bytes = (body: object) => new TextEncoder().encode(JSON.stringify({ model: "m", ...body }));
const F = { name: "f", input_schema: { type: "object" } };
const R = { type: "function", name: "f", parameters: { type: "object" } };
const PNG = { type: "base64", media_type: "image/png", data: "AA==" };

describe("fields inside fields that have no word in another dialect", () => {
  const responses = (body: object) => parseResponsesCall(bytes({ input: "x", ...body })).request?.();
  it.each([
    [{ reasoning: { mode: "pro" } }, "reasoning.mode"],
    [{ reasoning: { context: "all_turns" } }, "reasoning.context"],
    [{ reasoning: { effort: "low", budget: 3 } }, "reasoning.budget"],
    [{ text: { tone: "dry" } }, "text.tone"],
    [{ tools: [{ ...R, defer_loading: true }] }, "tools[0].defer_loading"],
    [{ tools: [{ ...R, allowed_callers: ["programmatic"] }] }, "tools[0].allowed_callers"],
    [
      { input: [{ role: "developer", content: [{ type: "input_image", image_url: "https://e.com/a" }] }] },
      "input[0].content[0]",
    ],
    [
      {
        tools: [R],
        tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "g" }] },
      },
      "tool_choice",
    ],
  ])("are named in a response: %j", (body, path) => {
    expect(responses(body)?.nativeOnly).toEqual([path]);
  });

  it.each([
    { reasoning: { mode: "standard", context: "auto", effort: "low" } },
    { tools: [{ ...R, defer_loading: false }], text: { tone: null } },
  ])("are left where they say nothing: %j", (body) => {
    expect(responses(body)?.nativeOnly).toEqual([]);
  });

  it("are read under the name that a summary had before", () => {
    expect(responses({ reasoning: { generate_summary: "auto" } })?.reasoning?.summary).toBe("auto");
  });

  const messages = (body: object) =>
    parseMessagesCall(
      bytes({ max_tokens: 9, messages: [{ role: "user", content: "x" }], ...body }),
    ).request?.();
  const user = (block: object) => ({ messages: [{ role: "user", content: [block] }] });
  it.each([
    [{ tools: [{ ...F, defer_loading: true }] }, "tools[0].defer_loading"],
    [{ tools: [{ ...F, allowed_callers: ["code_execution_20250825"] }] }, "tools[0].allowed_callers"],
    [{ tools: [{ ...F, input_examples: [{}] }] }, "tools[0].input_examples"],
    [
      user({ type: "image", source: PNG, transformations: [{ type: "crop" }] }),
      "messages[0].content[0].transformations",
    ],
  ])("are named in a message: %j", (body, path) => {
    expect(messages(body)?.nativeOnly).toEqual([path]);
  });

  it("leaves what is the default, and how soon a tool's input comes", () => {
    const tool = { ...F, defer_loading: false, allowed_callers: ["direct"], eager_input_streaming: true };
    expect(messages({ tools: [tool] })?.nativeOnly).toEqual([]);
  });

  it("carries the title of a document that is made of blocks", () => {
    const source = { type: "content", content: [{ type: "text", text: "body" }] };
    const [message] = messages(user({ type: "document", title: "T", source }))?.messages ?? [];
    expect(message?.content).toEqual([
      { type: "text", text: "T:" },
      { type: "text", text: "body" },
    ]);
  });

  it.each([
    [{ service_tier: "fast" }, "service_tier"],
    [{ tool_choice: "required" }, "tool_choice"],
    [{ tool_choice: { type: "function", function: { name: "f" } } }, "tool_choice"],
  ])("are refused where Claude has none: %j", (body, param) => {
    const request = parseChatCall(bytes({ messages: [{ role: "user", content: "x" }], ...body })).request?.();
    if (request === undefined) throw new Error("a chat call has an internal form");
    expect(messagesProblems(request)).toMatchObject([{ param }]);
  });

  it("refuses to demand a tool of a chat backend where there is none", () => {
    const request = messages({ tool_choice: { type: "any" } });
    if (request === undefined) throw new Error("a message has an internal form");
    expect(chatProblems(request)).toMatchObject([{ param: "tool_choice" }]);
  });
});
