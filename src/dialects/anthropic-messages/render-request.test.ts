import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Message, ModelRequest } from "../model-request.ts";
import { encode } from "./fixtures/context.ts";
import { called, NEW, OLD, render, result, testRequest, user } from "./fixtures/request.ts";
import { parseMessagesCall } from "./parse.ts";
import { renderMessagesRequest } from "./render-request.ts";

const TOOL = { name: "f", description: "d", parameters: { type: "object" }, strict: null };

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
    expect(limit).toBeLessThan(64_000);
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
