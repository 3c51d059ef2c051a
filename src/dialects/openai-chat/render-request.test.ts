import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { InputPart, Message, ModelRequest, OutputPart, ToolChoice } from "../model-request.ts";
import { encode } from "./fixtures/chat.ts";
import { OTHER, OWN, render, testRequest, text } from "./fixtures/request.ts";
import { parseChatCall } from "./parse.ts";
import { renderChatRequest } from "./render-request.ts";

const tool = (name: string) => ({ name, description: null, parameters: { type: "object" }, strict: null });

describe("renderChatRequest", () => {
  it("says nothing that the caller did not say", () => {
    expect(render({})).toEqual({ model: OTHER, messages: [{ role: "user", content: "hi" }] });
  });

  it("always asks for the usage of a stream (trap 6)", () => {
    expect(render({}, OTHER, true)).toMatchObject({ stream: true, stream_options: { include_usage: true } });
  });

  it("limits tokens by the field that the model's server knows", () => {
    expect(render({ maxTokens: 9 }, OWN)).toMatchObject({ max_completion_tokens: 9 });
    expect(render({ maxTokens: 9 }, OWN)).not.toHaveProperty("max_tokens");
    expect(render({ maxTokens: 9 }, OTHER)).toMatchObject({ max_tokens: 9 });
    expect(render({ maxTokens: 9 }, "gpt-oss-20b")).toMatchObject({ max_tokens: 9 });
    expect(render({ maxTokens: 9 }, "ft:gpt-4.1:x")).toMatchObject({ max_completion_tokens: 9 });
  });

  it.each<[ToolChoice, string, unknown]>([
    [{ type: "required" }, OTHER, "required"],
    [{ type: "tool", name: "g" }, OTHER, { type: "function", function: { name: "g" } }],
    [
      { type: "allowed", mode: "required", names: ["g"] },
      OWN,
      {
        type: "allowed_tools",
        allowed_tools: { mode: "required", tools: [{ type: "function", function: { name: "g" } }] },
      },
    ],
  ])("renders tool_choice %j for %s", (toolChoice, model, rendered) => {
    const body = render({ tools: [tool("f"), tool("g")], toolChoice }, model);
    expect(body.tool_choice).toEqual(rendered);
    expect(body.tools).toHaveLength(2);
  });

  it("offers only the allowed tools to servers that do not know allowed_tools", () => {
    const toolChoice: ToolChoice = { type: "allowed", mode: "auto", names: ["g"] };
    const body = render({ tools: [tool("f"), tool("g")], toolChoice });
    expect(body).toMatchObject({ tools: [{ function: { name: "g" } }], tool_choice: "auto" });
    expect(body.tools).toHaveLength(1);
  });

  it("leaves a choice among no tools out: servers refuse it", () => {
    const body = render({ toolChoice: { type: "auto" }, parallelToolCalls: true });
    expect(Object.keys(body)).toEqual(["model", "messages"]);
  });

  it("gives a tool without parameters an empty object of them", () => {
    const body = render({ tools: [{ ...tool("f"), parameters: null }] });
    expect(body.tools).toMatchObject([{ function: { parameters: { type: "object", properties: {} } } }]);
  });

  it.each([
    [{ effort: "low", budgetTokens: null }, "low"],
    [{ effort: "max", budgetTokens: null }, "max"],
    [{ effort: null, budgetTokens: 1_024 }, "low"],
    [{ effort: null, budgetTokens: 4_096 }, "medium"],
    [{ effort: null, budgetTokens: 16_000 }, "high"],
    [{ effort: null, budgetTokens: null }, undefined],
  ])("turns %j into an effort", (reasoning, effort) => {
    expect(render({ reasoning: { ...reasoning, summary: null } }).reasoning_effort).toBe(effort);
  });

  it("escapes lone surrogates and NUL, so that the body is UTF-8", () => {
    const body = renderChatRequest(
      testRequest({ messages: [{ role: "user", content: [text("\ud800\u0000")] }] }),
      {
        model: OTHER,
        stream: false,
      },
    );
    expect(body).toContain('"\\ud800\\u0000"');
  });

  it("writes names that OpenAI forbids otherwise, in tools, choice and earlier calls alike", () => {
    const name = "files.read/Ünïcode";
    const body = render({
      tools: [tool(name)],
      toolChoice: { type: "tool", name },
      messages: [{ role: "assistant", content: [{ type: "tool_call", id: "t", name, arguments: "{}" }] }],
    });
    const [rendered] = body.tools as { function: { name: string } }[];
    expect(rendered?.function.name).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
    expect(body.tool_choice).toMatchObject({ function: { name: rendered?.function.name } });
    expect(body.messages[0]).toMatchObject({ tool_calls: [{ function: { name: rendered?.function.name } }] });
  });
});

const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 });
const name = fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const textPart = fc.record({ type: fc.constant("text" as const), text: word });
const base64 = fc.stringMatching(/^([a-zA-Z0-9+/]{4}){1,4}$/);

const inputPart: fc.Arbitrary<InputPart> = fc.oneof(
  textPart,
  fc.record({
    type: fc.constant("image" as const),
    source: fc.oneof(
      fc.record({ kind: fc.constant("url" as const), url: fc.webUrl() }),
      fc.record({ kind: fc.constant("base64" as const), mediaType: fc.constant("image/png"), data: base64 }),
    ),
    detail: fc.constantFrom("low", "high"),
  }),
  fc.record({ type: fc.constant("audio" as const), data: base64, format: fc.constantFrom("wav", "mp3") }),
  fc.record({
    type: fc.constant("file" as const),
    source: fc.oneof(
      fc.record({ kind: fc.constant("file" as const), id: name }),
      fc.record({
        kind: fc.constant("base64" as const),
        mediaType: fc.constant("application/pdf"),
        data: base64,
      }),
    ),
  }),
);

const toolCall: fc.Arbitrary<OutputPart> = fc.record({
  type: fc.constant("tool_call" as const),
  id: name,
  name,
  arguments: fc.json(),
});

/** In the order in which chat's fields are read. */
const assistantParts = fc
  .tuple(
    optional(textPart),
    optional(fc.record({ type: fc.constant("refusal" as const), text: word })),
    fc.array(toolCall, { maxLength: 3 }),
  )
  .map(([said, refused, calls]): OutputPart[] => [said, refused, ...calls].filter((part) => part !== null));

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    role: fc.constantFrom("system" as const, "developer" as const),
    content: fc.array(textPart, { maxLength: 3 }),
  }),
  fc
    .record({ role: fc.constant("user" as const), content: fc.array(inputPart, { maxLength: 3 }) })
    .map((said) => ({ ...said, content: said.content.map(named) })),
  fc.record({ role: fc.constant("assistant" as const), content: assistantParts }),
  fc.record({
    role: fc.constant("tool" as const),
    callId: name,
    content: fc.array(textPart, { maxLength: 1 }),
    isError: fc.constant(false),
  }),
);

/** A document in bytes needs a name at OpenAI. */
function named(part: InputPart): InputPart {
  return part.type === "file" && part.source.kind === "base64" ? { ...part, name: "a.pdf" } : part;
}

const number = fc.integer({ min: 1, max: 20 });
const rate = fc.constantFrom(0, 0.25, 0.5, 1);

const request: fc.Arbitrary<ModelRequest> = fc
  .record({
    messages: fc.array(message, { minLength: 1, maxLength: 6 }),
    tools: fc.array(
      fc.record({
        name,
        description: optional(word),
        parameters: fc.dictionary(
          name,
          fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value))),
        ),
        strict: optional(fc.boolean()),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    toolChoice: optional(
      fc.oneof(
        fc.record({ type: fc.constantFrom("auto" as const, "none" as const, "required" as const) }),
        fc.record({ type: fc.constant("tool" as const), name }),
        fc.record({
          type: fc.constant("allowed" as const),
          mode: fc.constantFrom("auto" as const, "required" as const),
          names: fc.array(name, { maxLength: 2 }),
        }),
      ),
    ),
    parallelToolCalls: optional(fc.boolean()),
    format: optional(
      fc.oneof(
        fc.record({ type: fc.constant("json_object" as const) }),
        fc.record({
          type: fc.constant("json_schema" as const),
          name,
          description: optional(word),
          schema: fc.constant({ type: "object" }),
          strict: optional(fc.boolean()),
        }),
      ),
    ),
    maxTokens: optional(number),
    temperature: optional(rate),
    topP: optional(rate),
    topK: optional(number),
    stop: fc.array(word, { maxLength: 3 }),
    seed: optional(number),
    n: optional(number),
    presencePenalty: optional(rate),
    frequencyPenalty: optional(rate),
    logitBias: optional(fc.constant({ 5: 1 })),
    logprobs: fc.boolean(),
    topLogprobs: optional(number),
    reasoning: optional(
      fc.record({
        effort: fc.constantFrom("none", "minimal", "low", "medium", "high", "xhigh"),
        budgetTokens: fc.constant(null),
        summary: fc.constant(null),
      }),
    ),
    verbosity: optional(fc.constantFrom("low", "high")),
    serviceTier: optional(fc.constantFrom("auto", "default", "flex")),
    user: optional(word),
    promptCacheKey: optional(word),
  })
  .map((more) => testRequest(more));

/** Texts that are one in the wire's form; the dialect joins them where it has one field for them. */
const plainWire = (given: ModelRequest): ModelRequest => JSON.parse(JSON.stringify(given));

describe("a request that is rendered for one of OpenAI's own models", () => {
  it("says the same when it is read again", () => {
    fc.assert(
      fc.property(request, fc.boolean(), (given, stream) => {
        const call = parseChatCall(encode(renderChatRequest(given, { model: OWN, stream })));
        expect(call.stream).toBe(stream);
        expect(plainWire(call.request?.() ?? testRequest())).toEqual(plainWire(given));
      }),
      { numRuns: 300 },
    );
  });
});
