import { describe, expect, it } from "vitest";
import { parseResponsesCall, withHistory } from "./parse.ts";

const parse = (body: object) =>
  parseResponsesCall(new TextEncoder().encode(JSON.stringify({ model: "m", input: "hi", ...body })));
const request = (body: object) => {
  const asked = parse(body).request?.();
  if (asked === undefined) throw new Error("no request");
  return asked;
};

describe("parseResponsesCall", () => {
  it("reads items into turns: a reply's items are one message", () => {
    const { messages } = request({
      instructions: "Be brief.",
      input: [
        { role: "user", content: "weather?" },
        { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "ask the tool" }] },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "One moment." }] },
        { type: "function_call", call_id: "t1", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "t1", output: [{ type: "input_text", text: "sunny" }] },
        {
          role: "user",
          content: [
            { type: "input_image", image_url: "data:image/png;base64,AAAA", detail: "low" },
            { type: "input_text", text: "and this?" },
          ],
        },
      ],
    });
    expect(messages).toEqual([
      { role: "system", content: [{ type: "text", text: "Be brief." }] },
      { role: "user", content: [{ type: "text", text: "weather?" }] },
      {
        role: "assistant",
        content: [
          {
            type: "reasoning",
            text: "ask the tool",
            signature: null,
            redacted: null,
            origin: "openai-responses",
          },
          { type: "text", text: "One moment." },
          { type: "tool_call", id: "t1", name: "f", arguments: "{}" },
        ],
      },
      { role: "tool", callId: "t1", content: [{ type: "text", text: "sunny" }], isError: false },
      {
        role: "user",
        content: [
          {
            type: "image",
            source: { kind: "base64", mediaType: "image/png", data: "AAAA" },
            detail: "low",
          },
          { type: "text", text: "and this?" },
        ],
      },
    ]);
  });

  it("reads settings", () => {
    expect(
      request({
        tools: [{ type: "function", name: "f", parameters: { type: "object" }, strict: true }],
        tool_choice: { type: "function", name: "f" },
        text: { format: { type: "json_schema", name: "s", schema: { type: "object" } }, verbosity: "low" },
        reasoning: { effort: "low" },
        max_output_tokens: 5,
        parallel_tool_calls: false,
        metadata: { a: "b" },
      }),
    ).toMatchObject({
      tools: [{ name: "f", parameters: { type: "object" }, strict: true, description: null }],
      toolChoice: { type: "tool", name: "f" },
      format: { type: "json_schema", name: "s" },
      verbosity: "low",
      reasoning: { effort: "low" },
      maxTokens: 5,
      parallelToolCalls: false,
      nativeOnly: [],
    });
  });

  it.each([
    ["a hosted tool", { tools: [{ type: "web_search" }] }, ["tools[0]"]],
    ["a background call", { background: true }, ["background"]],
    ["an item of a hosted tool", { input: [{ type: "computer_call", id: "x" }] }, ["input[0]"]],
    ["an unknown field", { frobnicate: 1 }, ["frobnicate"]],
    ["truncation by the provider", { truncation: "auto" }, ["truncation"]],
    ["nothing", { background: false, truncation: "disabled", store: false, include: [] }, []],
  ])("names what only OpenAI itself can honour: %s", (_name, body, names) => {
    expect(request(body).nativeOnly).toEqual(names);
  });

  it.each([
    ["a wrong type", { temperature: "hot" }, "temperature"],
    ["a wrong role", { input: [{ role: "robot", content: "x" }] }, "input[0]"],
    [
      "an image without a source",
      { input: [{ role: "user", content: [{ type: "input_image" }] }] },
      "input[0].content[0]",
    ],
  ])("names the field of %s", (_name, body, param) => {
    let thrown: unknown;
    try {
      request(body);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: "invalid_type", param: expect.stringContaining(param) });
  });

  it("keeps storage with the gateway: a provider is told to store nothing", () => {
    expect(JSON.parse(parse({ store: true }).passBody("x"))).toMatchObject({ model: "x", store: false });
    expect(parse({ store: true }).store).toBe("asked");
    expect(parse({}).store).toBe("default");
    expect(parse({ store: false }).store).toBe("no");
  });
});

describe("withHistory", () => {
  it("puts what was said before in front, for a provider and for a translation alike", () => {
    const call = withHistory(parse({ previous_response_id: "resp_1", input: "more" }), [
      { type: "message", role: "user", content: "first" },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "one" }] },
    ]);
    expect(JSON.parse(call.passBody("m"))).toMatchObject({
      previous_response_id: null,
      input: [{ content: "first" }, { role: "assistant" }, { content: "more" }],
    });
    expect(call.request?.().messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
    expect(call.previousResponseId).toBe("resp_1");
  });
});
