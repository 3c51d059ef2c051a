import { describe, expect, it } from "vitest";
import { resolveReferences, withHistory } from "./history.ts";
import { parseResponsesCall } from "./parse.ts";

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
    ["a built-in tool that the client runs", { tools: [{ type: "local_shell" }] }, ["tools[0]"]],
    ["a conversation of the provider's", { conversation: "conv_1" }, ["conversation"]],
    ["a prompt of the provider's", { prompt: { id: "pmpt_1" } }, ["prompt"]],
    ["an item of a hosted tool", { input: [{ type: "computer_call", id: "x" }] }, ["input[0]"]],
    ["an item by its id", { input: [{ type: "item_reference", id: "msg_1" }] }, ["input[0]"]],
    ["an item by its id alone", { input: [{ id: "msg_1" }] }, ["input[0]"]],
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

  it("reads what asks for log-probabilities and penalties, and needs a backend for it", () => {
    expect(parse({ top_logprobs: 2, presence_penalty: 0.5 }).needs).toMatchObject({
      logprobs: true,
      penalties: true,
    });
    expect(request({ top_logprobs: 2, presence_penalty: 0.5, frequency_penalty: -1 })).toMatchObject({
      logprobs: true,
      topLogprobs: 2,
      presencePenalty: 0.5,
      frequencyPenalty: -1,
      nativeOnly: [],
    });
    expect(parse({ top_logprobs: 0, presence_penalty: 0 }).needs).toMatchObject({
      logprobs: false,
      penalties: false,
    });
  });

  it.each(["previous_response_id", "prompt", "conversation"])(
    "needs an input, or `%s` in its place",
    (field) => {
      const body = (more: object) => new TextEncoder().encode(JSON.stringify({ model: "m", ...more }));
      const instead = field === "prompt" ? { id: "pmpt_1" } : "x_1";
      expect(parseResponsesCall(body({ [field]: instead })).requestedModel).toBe("m");
      expect(() => parseResponsesCall(body({}))).toThrow("`input` is missing");
      expect(() => parseResponsesCall(body({ input: null }))).toThrow("`input` is missing");
    },
  );

  it("answers in the background what is stored, and tells no provider of it", () => {
    const call = parse({ background: true });
    expect([call.background, JSON.parse(call.passBody("m")).background]).toEqual([true, undefined]);
    expect(call.request?.().nativeOnly).toEqual([]);
    expect(parse({ background: false }).background).toBeUndefined();
    expect(() => parse({ background: true, store: false })).toThrow(
      expect.objectContaining({ code: "invalid_value", param: "store" }),
    );
  });

  it("names the kept items that stand in the input by their ids", () => {
    const input = [
      { type: "item_reference", id: "msg_1" },
      { id: "rs_2" },
      { id: "msg_3", role: "user", content: "x" },
      { type: "function_call", id: "fc_4", call_id: "c", name: "f", arguments: "{}" },
    ];
    expect(parse({ input }).itemReferences).toEqual(["msg_1", "rs_2"]);
  });

  it("keeps storage with the gateway: a provider is told to store nothing", () => {
    expect(JSON.parse(parse({ store: true }).passBody("x"))).toMatchObject({ model: "x", store: false });
    expect(parse({ store: true }).store).toBe("asked");
    expect(parse({}).store).toBe("default");
    expect(parse({ store: false }).store).toBe("no");
  });
});

describe("the body for a provider of the dialect", () => {
  const passed = (body: object, model = "gpt-4o") => JSON.parse(parse(body).passBody(model));

  it.each([
    ["gpt-5-mini", {}, ["reasoning.encrypted_content"]],
    ["o4-mini", { store: true, include: ["a"] }, ["a", "reasoning.encrypted_content"]],
    ["o4-mini", { include: ["reasoning.encrypted_content"] }, ["reasoning.encrypted_content"]],
    ["o4-mini", { store: false }, undefined],
    ["gpt-4o", {}, undefined],
    ["gpt-5.1-chat-latest", {}, undefined],
    ["gpt-oss-120b", {}, undefined],
    ["llama", { include: ["a"] }, ["a"]],
  ])(
    "asks %s for what it thought, encrypted, where the gateway keeps the reply: %j",
    (model, body, include) => {
      expect(passed(body, model).include).toEqual(include);
    },
  );

  const WORDS = { type: "message", role: "assistant", content: "x" };
  it.each([
    ["by its id", { type: "reasoning", id: "rs_01j00000000000000000000000ab_0", summary: [] }, false],
    [
      "by its mark",
      { type: "reasoning", summary: [], encrypted_content: "rl1.anthropic-messages.s.sig" },
      false,
    ],
    ["but OpenAI's own passes", { type: "reasoning", id: "rs_0a1b", encrypted_content: "gAAAA" }, true],
    ["nor is it mistaken in a text", { role: "user", content: 'say "rl1.x"' }, true],
  ])("has no thought of another backend, told %s", (_how, item, stays) => {
    expect(passed({ input: [item, WORDS] }).input).toEqual(stays ? [item, WORDS] : [WORDS]);
  });

  it("leaves every other character as it was", () => {
    const text = '{"model":"m", "input" : "x","temperature":1.0,"store":false}';
    expect(parseResponsesCall(new TextEncoder().encode(text)).passBody("g")).toBe(
      '{"model":"g", "input" : "x","temperature":1.0,"store":false}',
    );
  });
});

describe("withHistory", () => {
  const USER = { type: "message", role: "user", content: "first" };
  const SAID = { type: "message", role: "assistant", content: [{ type: "output_text", text: "one" }] };
  const MORE = { type: "message", role: "user", content: "more" };

  it("puts what was said before in front, for a provider and for a translation alike", () => {
    const call = withHistory(parse({ previous_response_id: "resp_1", input: "more" }), [USER, SAID], [MORE]);
    const passed = JSON.parse(call.passBody("m"));
    expect(passed.input).toEqual([USER, SAID, MORE]);
    expect(passed).not.toHaveProperty("previous_response_id");
    expect(call.request?.().messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
    expect(call.previousResponseId).toBe("resp_1");
  });

  it.each([
    ["OpenAI's without its encrypted content, which only its own store has", { id: "rs_0a" }, false],
    ["OpenAI's with it", { id: "rs_0a", encrypted_content: "gAAA" }, true],
    ["an open model's own words", { id: "rs_0a", content: [{ type: "reasoning_text", text: "hm" }] }, true],
    ["what the gateway rendered", { id: "rs_01j00000000000000000000000ab_0" }, true],
  ])("says a thought again if it can be said: %s", (_name, fields, said) => {
    const thought = { type: "reasoning", summary: [{ type: "summary_text", text: "hm" }], ...fields };
    const call = withHistory(parse({ input: "more" }), [thought], [MORE]);
    expect(JSON.parse(call.text).input).toEqual(said ? [thought, MORE] : [MORE]);
    expect(resolveReferences([{ id: fields.id }], new Map([[fields.id, thought]]))).toEqual(
      said ? [thought] : [],
    );
  });

  it("puts kept items in the place of their ids, and leaves ids that it does not know", () => {
    const kept = new Map([["msg_1", SAID]]);
    const items = [USER, { type: "item_reference", id: "msg_1" }, { id: "msg_1" }, { id: "msg_2" }];
    expect(resolveReferences(items, kept)).toEqual([USER, SAID, SAID, { id: "msg_2" }]);
  });
});
