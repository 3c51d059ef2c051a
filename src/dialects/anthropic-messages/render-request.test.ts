import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Message, ModelRequest, OutputPart } from "../model-request.ts";
import { encode } from "./fixtures/context.ts";
import { assistant, testRequest, user } from "./fixtures/request.ts";
import { parseMessagesCall } from "./parse.ts";
import { closeObjects } from "./plan-format.ts";
import { renderMessagesRequest } from "./render-request.ts";
import { isObject, type Json } from "./wire.ts";

const OLD = "claude-sonnet-4-5";
const NEW = "claude-opus-4-8";

function render(more: Partial<ModelRequest>, model = OLD, stream = false): Json {
  const body: unknown = JSON.parse(renderMessagesRequest(testRequest(more), { model, stream }));
  if (!isObject(body)) throw new Error("no object");
  return body;
}
const messages = (list: Message[], model = OLD) => render({ messages: list }, model).messages;
const text = (value: string) => ({ type: "text", text: value });
const system = (value: string, role: "system" | "developer" = "system"): Message => ({
  role,
  content: [{ type: "text", text: value }],
});
const called = (id: string, more: Partial<Extract<OutputPart, { type: "tool_call" }>> = {}): Message => ({
  role: "assistant",
  content: [{ type: "tool_call", id, name: "f", arguments: "{}", ...more }],
});
const result = (callId: string, value: string, isError = false): Message => ({
  role: "tool",
  callId,
  content: value === "" ? [] : [{ type: "text", text: value }],
  isError,
});
const TOOL = { name: "f", description: "d", parameters: { type: "object" }, strict: null };

describe("messages", () => {
  it("hoists leading instructions and keeps their cache marks", () => {
    const mark = { type: "ephemeral" };
    const body = render({
      messages: [
        { role: "system", content: [{ type: "text", text: "a", cacheControl: mark }] },
        system("b", "developer"),
        user("hi"),
      ],
    });
    expect(body.system).toEqual([{ ...text("a"), cache_control: mark }, text("b")]);
    expect(body.messages).toEqual([{ role: "user", content: [text("hi")] }]);
  });

  it("keeps a later instruction at its place: as text for old models, as a turn where one may stand", () => {
    const list = [user("q"), system("now in French"), assistant("oui"), user("and?")];
    expect(messages(list)).toEqual([
      { role: "user", content: [text("q"), text("<system>\nnow in French\n</system>")] },
      { role: "assistant", content: [text("oui")] },
      { role: "user", content: [text("and?")] },
    ]);
    expect(messages(list, NEW)).toMatchObject([
      { role: "user" },
      { role: "system", content: [text("now in French")] },
      { role: "assistant" },
      { role: "user" },
    ]);
  });

  it.each([
    ["after an assistant", [user("q"), assistant("a"), system("s"), user("b")]],
    ["before a user", [user("q"), system("s"), user("b")]],
    ["before a turn that says nothing", [user("q"), system("s"), assistant(" "), user("b")]],
  ])("never puts a system turn %s, where the API refuses it", (_name, list) => {
    const roles = (messages(list, NEW) as { role: string }[]).map(({ role }) => role);
    expect(roles).not.toContain("system");
    expect(JSON.stringify(messages(list, NEW))).toContain("<system>\\ns\\n</system>");
  });

  it("makes instructions alone the user's turn, since the API wants one", () => {
    const body = render({ messages: [system("do it")] });
    expect(body.messages).toEqual([{ role: "user", content: [text("do it")] }]);
    expect(body.system).toBeUndefined();
  });

  it("joins turns of one role and leaves empty ones out", () => {
    expect(messages([user("a"), user("b"), assistant(" \n"), user(""), user("c")])).toEqual([
      { role: "user", content: [text("a"), text("b"), text("c")] },
    ]);
  });

  it("makes consecutive tool results one user's turn, results first", () => {
    const list = [user("q"), called("t1"), result("t1", "1"), result("t2", "", true), user("and?")];
    expect(messages(list)).toMatchObject([
      { role: "user" },
      { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "f", input: {} }] },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "t1", content: [text("1")] },
          { type: "tool_result", tool_use_id: "t2", is_error: true },
          text("and?"),
        ],
      },
    ]);
    const swapped = [user("q"), called("t1"), user("wait"), result("t1", "1")];
    expect((messages(swapped) as { content: Json[] }[])[2]?.content.map(({ type }) => type)).toEqual([
      "tool_result",
      "text",
    ]);
  });

  it("makes ids valid, and keeps different ones different", () => {
    const list = [user("q"), called("a:1"), result("a:1", "x"), called("a.1"), result("a.1", "y")];
    expect(messages(list)).toMatchObject([
      {},
      { content: [{ id: "a_1" }] },
      { content: [{ tool_use_id: "a_1" }] },
      { content: [{ id: "a_1_2" }] },
      { content: [{ tool_use_id: "a_1_2" }] },
    ]);
  });

  it("never loses what a model wrote as arguments", () => {
    expect(messages([user("q"), called("t", { arguments: '{"a":' }), result("t", "x")])).toMatchObject([
      {},
      { content: [{ input: { unparsed_arguments: '{"a":' } }] },
      {},
    ]);
  });

  it("sends back thinking that Anthropic signed, and no other", () => {
    const reasoning = { type: "reasoning" as const, text: "hm", redacted: null };
    const said: Message = {
      role: "assistant",
      content: [
        { ...reasoning, signature: "EqQB", origin: "anthropic-messages" },
        { ...reasoning, text: "", signature: null, redacted: "enc", origin: "anthropic-messages" },
        { ...reasoning, signature: null, origin: "anthropic-messages" },
        { ...reasoning, signature: "x", origin: "openai-responses" },
        { ...reasoning, signature: null, origin: "openai-chat" },
        { type: "text", text: "a" },
      ],
    };
    expect(messages([user("q"), said, user("b")])).toMatchObject([
      {},
      {
        content: [
          { type: "thinking", thinking: "hm", signature: "EqQB" },
          { type: "redacted_thinking", data: "enc" },
          { type: "text" },
        ],
      },
      {},
    ]);
  });

  it("words images and files", () => {
    const content: Extract<Message, { role: "user" }>["content"] = [
      { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AA==" }, detail: "high" },
      { type: "image", source: { kind: "url", url: "https://i" } },
      { type: "file", name: "p.pdf", source: { kind: "base64", mediaType: "application/pdf", data: "BB==" } },
      { type: "file", source: { kind: "base64", mediaType: "text/csv", data: btoa("a,b") } },
      { type: "file", source: { kind: "text", text: "plain" } },
    ];
    expect(messages([{ role: "user", content }])).toEqual([
      {
        role: "user",
        content: [
          { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } },
          { type: "image", source: { type: "url", url: "https://i" } },
          {
            type: "document",
            source: { type: "base64", media_type: "application/pdf", data: "BB==" },
            title: "p.pdf",
          },
          { type: "document", source: { type: "text", media_type: "text/plain", data: "a,b" } },
          { type: "document", source: { type: "text", media_type: "text/plain", data: "plain" } },
        ],
      },
    ]);
  });

  it("tells participants apart by the name that they were given", () => {
    expect(messages([{ role: "user", name: "Ann", content: [{ type: "text", text: "hi" }] }])).toEqual([
      { role: "user", content: [text("Ann: hi")] },
    ]);
  });

  it("ends a prefill without the blanks that the API refuses", () => {
    expect(messages([user("q"), assistant("The answer is \n")])).toMatchObject([
      {},
      { role: "assistant", content: [text("The answer is")] },
    ]);
  });
});

describe("tools", () => {
  it("words tools, and one without parameters", () => {
    const tools = [
      { ...TOOL, strict: true, cacheControl: { type: "ephemeral" } },
      { name: "g", description: null, parameters: null, strict: false },
      { name: "h", description: null, parameters: { properties: { a: {} } }, strict: null },
    ];
    expect(render({ tools }).tools).toEqual([
      {
        name: "f",
        description: "d",
        input_schema: { type: "object" },
        strict: true,
        cache_control: { type: "ephemeral" },
      },
      { name: "g", input_schema: { type: "object", properties: {} } },
      { name: "h", input_schema: { type: "object", properties: { a: {} } } },
    ]);
  });

  it.each<[Partial<ModelRequest>, unknown]>([
    [{}, undefined],
    [{ parallelToolCalls: true }, undefined],
    [{ parallelToolCalls: false }, { type: "auto", disable_parallel_tool_use: true }],
    [{ toolChoice: { type: "auto" } }, { type: "auto" }],
    [{ toolChoice: { type: "none" }, parallelToolCalls: false }, { type: "none" }],
    [
      { toolChoice: { type: "required" }, parallelToolCalls: false },
      { type: "any", disable_parallel_tool_use: true },
    ],
    [{ toolChoice: { type: "tool", name: "f" } }, { type: "tool", name: "f" }],
    [{ toolChoice: { type: "allowed", mode: "required", names: ["f"] } }, { type: "any" }],
    [{ toolChoice: { type: "allowed", mode: "auto", names: ["f"] } }, { type: "auto" }],
  ])("words the choice %j", (more, choice) => {
    expect(render({ tools: [TOOL], ...more }).tool_choice).toEqual(choice);
  });

  it("offers only the allowed ones", () => {
    const body = render({
      tools: [TOOL, { ...TOOL, name: "g" }],
      toolChoice: { type: "allowed", mode: "auto", names: ["g"] },
    });
    expect((body.tools as { name: string }[]).map(({ name }) => name)).toEqual(["g"]);
  });

  it("defines tools that only the past has, and lets none be called", () => {
    const body = render({ messages: [user("q"), called("t"), result("t", "x")] });
    expect(body).toMatchObject({ tools: [{ name: "f" }], tool_choice: { type: "none" } });
  });

  it("writes a name that this dialect forbids in letters that it takes, everywhere alike", () => {
    const name = "files.read/now";
    const body = render({
      tools: [{ ...TOOL, name }],
      toolChoice: { type: "tool", name },
      messages: [user("q"), called("t", { name }), result("t", "x")],
    });
    const [tool] = body.tools as { name: string }[];
    expect(tool?.name).toMatch(/^[a-zA-Z0-9_-]{1,128}$/);
    expect(body.tool_choice).toMatchObject({ name: tool?.name });
    expect(body.messages).toMatchObject([{}, { content: [{ name: tool?.name }] }, {}]);
  });
});

describe("limits and fields", () => {
  it.each([
    ["claude-opus-4-8", 128_000],
    ["claude-sonnet-4-5", 64_000],
    ["claude-3-5-haiku-latest", 8_192],
    ["qwen3", 4_096],
  ])("gives %s as much as it can write where the caller names no limit", (model, limit) => {
    expect(render({}, model).max_tokens).toBe(limit);
    expect(render({ maxTokens: 7 }, model).max_tokens).toBe(7);
  });

  it("leaves room for the input where a model refuses what does not fit its window", () => {
    const long = testRequest({ messages: [user("word ".repeat(120_000))] });
    const limit = JSON.parse(
      renderMessagesRequest(long, { model: "claude-sonnet-4-0", stream: false }),
    ).max_tokens;
    expect(limit).toBeGreaterThan(10_000);
    expect(limit + 120_000).toBeLessThan(200_000);
  });

  it("words the plain fields", () => {
    const fields = { stop: ["END"], user: "u1", serviceTier: "default", topK: 3 };
    expect(render({ ...fields, temperature: 0.2 }, OLD, true)).toMatchObject({
      model: OLD,
      stream: true,
      stop_sequences: ["END"],
      metadata: { user_id: "u1" },
      service_tier: "standard_only",
      temperature: 0.2,
      top_k: 3,
    });
    expect(Object.keys(render({}))).toEqual(["model", "max_tokens", "messages"]);
  });

  it("leaves defaults out for models that take no other", () => {
    expect(render({ temperature: 1, topP: 1 }, NEW)).not.toHaveProperty("temperature");
    expect(render({ temperature: 1, topP: 1 }, "qwen3")).toMatchObject({ temperature: 1, top_p: 1 });
  });
});

describe("reasoning", () => {
  const think = (effort: string | null, more: object = {}) => ({
    reasoning: { effort, budgetTokens: null, summary: null, ...more },
  });
  it.each([
    ["minimal", 1_024],
    ["low", 2_048],
    ["medium", 8_192],
    ["high", 24_000],
    ["xhigh", 32_000],
  ])("%s is a budget of %i where a model has budgets", (effort, budget) => {
    expect(render(think(effort)).thinking).toEqual({ type: "enabled", budget_tokens: budget });
  });

  it("keeps the budget below the limit, which it is a part of", () => {
    expect(render({ maxTokens: 5_000, ...think("high") })).toMatchObject({
      max_tokens: 5_000,
      thinking: { budget_tokens: 4_000 },
    });
    expect(render({ maxTokens: 1_100, ...think("high") }).thinking).toMatchObject({ budget_tokens: 1_024 });
    expect(render(think(null, { budgetTokens: 3_000 })).thinking).toMatchObject({ budget_tokens: 3_000 });
  });

  it.each([
    ["minimal", "low"],
    ["low", "low"],
    ["medium", "medium"],
    ["high", "high"],
    ["xhigh", "xhigh"],
  ])("%s is the level %s where a model adapts", (effort, level) => {
    expect(render(think(effort), NEW)).toMatchObject({
      thinking: { type: "adaptive" },
      output_config: { effort: level },
    });
  });

  it("takes the nearest level below the dearest", () => {
    expect(render(think("xhigh"), "claude-opus-4-6").output_config).toEqual({ effort: "high" });
  });

  it("shows the thinking where a summary was asked for", () => {
    expect(render(think("low", { summary: "auto" }), NEW).thinking).toEqual({
      type: "adaptive",
      display: "summarized",
    });
  });

  it.each([
    ["claude-sonnet-4-5", undefined],
    ["claude-opus-4-8", { type: "disabled" }],
    ["claude-sonnet-5-5", { type: "between_tools" }],
  ])("turns thinking off at %s", (model, thinking) => {
    expect(render(think("none"), model).thinking).toEqual(thinking);
  });

  it("goes on without thinking in a tool loop whose thinking the client's dialect has lost", () => {
    const loop = [user("q"), called("t"), result("t", "x")];
    expect(render({ tools: [TOOL], messages: loop, ...think("low") }).thinking).toBeUndefined();
    const signed: Message = {
      role: "assistant",
      content: [
        { type: "reasoning", text: "hm", signature: "EqQB", redacted: null, origin: "anthropic-messages" },
        { type: "tool_call", id: "t", name: "f", arguments: "{}" },
      ],
    };
    const kept = [user("q"), signed, result("t", "x")];
    expect(render({ tools: [TOOL], messages: kept, ...think("low") }).thinking).toBeDefined();
  });
});

describe("response formats", () => {
  const format = (schema: Record<string, unknown>) => ({
    format: { type: "json_schema" as const, name: "x", description: "the answer", schema, strict: true },
  });
  const POINT = { type: "object", properties: { x: { type: "number" } }, required: ["x"] };

  it("is the API's own where the model has it, every object closed as it demands", () => {
    expect(render(format(POINT)).output_config).toEqual({
      format: { type: "json_schema", schema: { ...POINT, additionalProperties: false } },
    });
  });

  it("is a tool that must be called where the model has not, or the schema is open", () => {
    expect(render(format(POINT), "qwen3")).toMatchObject({
      tools: [{ name: "respond_with_json", description: "the answer", input_schema: POINT }],
      tool_choice: { type: "tool", name: "respond_with_json" },
    });
    expect(render(format({ type: "object", additionalProperties: true }))).not.toHaveProperty(
      "output_config",
    );
    expect(render({ format: { type: "json_object" } })).toMatchObject({
      tool_choice: { type: "tool", name: "respond_with_json" },
    });
  });

  it("closes objects wherever a schema may stand, and nowhere else", () => {
    const inner = { type: "object", properties: { type: { type: "string" } } };
    const closed = { ...inner, additionalProperties: false };
    expect(
      closeObjects({
        $defs: { a: inner },
        anyOf: [{ $ref: "#/$defs/a" }, { type: "array", items: inner }],
        enum: [{ properties: {} }],
      }),
    ).toEqual({
      $defs: { a: closed },
      anyOf: [{ $ref: "#/$defs/a" }, { type: "array", items: closed }],
      enum: [{ properties: {} }],
    });
    expect(closeObjects({ type: "array", items: { type: "object", additionalProperties: {} } })).toBeNull();
  });
});

describe("a round trip", () => {
  const word = fc.stringMatching(/^[a-z]{1,8}$/);
  const input = fc.oneof(
    fc.record({ type: fc.constant("text" as const), text: word }),
    fc.record({
      type: fc.constant("image" as const),
      source: fc.record({ kind: fc.constant("url" as const), url: word }),
    }),
    fc.record({
      type: fc.constant("file" as const),
      source: fc.record({ kind: fc.constant("text" as const), text: word }),
    }),
  );
  const exchange = fc
    .tuple(
      fc.array(input, { minLength: 1, maxLength: 3 }),
      word,
      fc.uniqueArray(word, { maxLength: 3 }),
      fc.boolean(),
    )
    .map(([content, answer, ids, isError]): Message[] => [
      { role: "user", content },
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: "hm", signature: "sig", redacted: null, origin: "anthropic-messages" },
          { type: "text", text: answer },
          ...ids.map((id) => ({ type: "tool_call" as const, id, name: "f", arguments: '{"a":[1]}' })),
        ],
      },
      ...ids.map((id) => ({
        role: "tool" as const,
        callId: id,
        content: [{ type: "text" as const, text: answer }],
        isError,
      })),
    ]);

  it("gives back what was rendered", () => {
    const arbitrary = fc.record({
      turns: fc.array(exchange, { minLength: 1, maxLength: 3 }),
      maxTokens: fc.integer({ min: 1, max: 10_000 }),
      temperature: fc.option(fc.constantFrom(0, 0.25, 0.5)),
      topK: fc.option(fc.integer({ min: 1, max: 100 })),
      stop: fc.array(word, { maxLength: 2 }),
      user: fc.option(word),
      toolChoice: fc.constantFrom<ModelRequest["toolChoice"]>(null, { type: "auto" }, { type: "required" }),
    });
    fc.assert(
      fc.property(arbitrary, ({ turns, ...rest }) => {
        const head = { role: "system" as const, content: [{ type: "text" as const, text: "s" }] };
        const request = testRequest({
          ...rest,
          messages: [head, ...turns.flat(), user("end")],
          tools: [TOOL],
        });
        const body = renderMessagesRequest(request, { model: OLD, stream: true });
        const call = parseMessagesCall(encode(body));
        const read = call.request?.();
        expect(call.stream).toBe(true);
        expect(read).toEqual({ ...request, messages: joined(request.messages) });
      }),
      { numRuns: 200 },
    );
  });

  /** Consecutive messages of a user are one turn. */
  function joined(list: readonly Message[]): Message[] {
    const all: Message[] = [];
    for (const message of list) {
      const last = all.at(-1);
      if (message.role === "user" && last?.role === "user")
        all.splice(-1, 1, { role: "user", content: [...last.content, ...message.content] });
      else all.push(message);
    }
    return all;
  }
});
