import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RouteletError } from "../../errors.ts";
import type { ModelRequest } from "../model-request.ts";
import { encode } from "./fixtures/context.ts";
import { parseCountCall, parseMessagesCall } from "./parse.ts";

const SMALL = { model: "claude-x", max_tokens: 10, messages: [{ role: "user", content: "hi" }] };
const parse = (body: unknown) => parseMessagesCall(encode(JSON.stringify(body)));
const request = (more: object): ModelRequest => {
  const built = parse({ ...SMALL, ...more }).request?.();
  if (built === undefined) throw new Error("no translation");
  return built;
};
const said = (content: unknown) => request({ messages: [{ role: "user", content }] });

function refusal(run: () => unknown): RouteletError {
  try {
    run();
  } catch (error) {
    if (error instanceof RouteletError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("parseMessagesCall", () => {
  it("reads what the gateway needs and keeps the caller's text", () => {
    const call = parse({ ...SMALL, stream: true });
    expect(call).toMatchObject({
      dialect: "anthropic-messages",
      requestedModel: "claude-x",
      stream: true,
      wantsStreamUsage: true,
    });
    expect(call.passBody("claude-x")).toBe(call.text);
  });

  it("changes only the model for a backend of the same dialect", () => {
    const text =
      '{ "model" : "auto", "max_tokens":1, "messages":[{"role":"user","content":"a\\u00e9"}], "x": 1.0 }';
    expect(parseMessagesCall(encode(text)).passBody("claude-y")).toBe(text.replace('"auto"', '"claude-y"'));
  });

  it.each([
    ["no JSON", "{", undefined, "invalid_json"],
    ["no object", "[]", undefined, "invalid_type"],
    [
      "a missing max_tokens",
      JSON.stringify({ ...SMALL, max_tokens: undefined }),
      "max_tokens",
      "invalid_type",
    ],
    ["no messages", JSON.stringify({ ...SMALL, messages: [] }), "messages", "invalid_type"],
    [
      "a wrong role",
      JSON.stringify({ ...SMALL, messages: [{ role: "tool", content: "" }] }),
      "messages[0].role",
      "invalid_type",
    ],
    ["a temperature above 1", JSON.stringify({ ...SMALL, temperature: 1.5 }), "temperature", "invalid_type"],
    [
      "a tool choice without a name",
      JSON.stringify({ ...SMALL, tool_choice: { type: "tool" } }),
      "tool_choice.name",
      "invalid_type",
    ],
    ["deep nesting", `{"a":${"[".repeat(500)}${"]".repeat(500)}}`, undefined, "json_too_deep"],
  ])("refuses %s by its path", (_name, text, param, code) => {
    expect(refusal(() => parseMessagesCall(encode(text)))).toMatchObject({ code, param, status: 400 });
  });

  it.each([
    ["messages[0].content[1].source", [{ type: "text", text: "a" }, { type: "image" }]],
    [
      "messages[0].content[0].source.data",
      [{ type: "image", source: { type: "base64", media_type: "image/png" } }],
    ],
    ["messages[0].content[0].tool_use_id", [{ type: "tool_result", content: "x" }]],
    [
      "messages[0].content[0].content[0].text",
      [{ type: "tool_result", tool_use_id: "t", content: [{ type: "text" }] }],
    ],
  ])("refuses a broken block at %s when it must be translated", (param, content) => {
    expect(refusal(() => said(content))).toMatchObject({ code: "invalid_type", param });
  });

  it("needs no max_tokens for a count", () => {
    const body = encode(JSON.stringify({ ...SMALL, max_tokens: undefined }));
    expect(parseCountCall(body).request?.().maxTokens).toBeNull();
  });

  it.each([
    ["tools", { tools: [{ name: "f", input_schema: {} }] }],
    ["jsonSchema", { output_config: { format: { type: "json_schema", schema: {} } } }],
    ["jsonSchema", { output_format: { type: "json_schema", schema: {} } }],
    [
      "images",
      {
        messages: [
          {
            role: "user",
            content: [
              {
                type: "tool_result",
                tool_use_id: "t",
                content: [{ type: "image", source: { type: "url", url: "u" } }],
              },
            ],
          },
        ],
      },
    ],
  ] as const)("says that it needs %s", (need, more) => {
    expect(parse(SMALL).needs[need]).toBe(false);
    expect(parse({ ...SMALL, ...more }).needs[need]).toBe(true);
  });
});

describe("escalation to Anthropic", () => {
  const turn = (content: unknown[]) => ({
    ...SMALL,
    messages: [
      { role: "user", content: "q" },
      { role: "assistant", content },
      { role: "user", content: "and?" },
    ],
  });
  const sent = (content: unknown[]) =>
    (JSON.parse(parse(turn(content)).passBody("claude-x")) as { messages: unknown[] }).messages;

  it("keeps signed thinking byte for byte", () => {
    const call = parse(turn([{ type: "thinking", thinking: "x", signature: "EqQB" }]));
    expect(call.passBody("claude-x")).toBe(call.text);
  });

  it.each([
    ["unsigned thinking", { type: "thinking", thinking: "x", signature: "" }],
    ["thinking without the field", { type: "thinking", thinking: "x" }],
    [
      "another provider's signature",
      { type: "thinking", thinking: "x", signature: "routelet:openai-responses:s" },
    ],
    [
      "another provider's redacted thinking",
      { type: "redacted_thinking", data: "routelet:openai-responses:s" },
    ],
  ])("strips %s, which Anthropic would refuse", (_name, block) => {
    const text = { type: "text", text: "a" };
    expect(sent([block, text])[1]).toEqual({ role: "assistant", content: [text] });
    expect(sent([block])).toEqual([
      { role: "user", content: "q" },
      { role: "user", content: "and?" },
    ]);
  });
});

describe("hostile bodies", () => {
  const body = JSON.stringify({
    ...SMALL,
    system: [{ type: "text", text: "s" }],
    messages: [
      { role: "user", content: [{ type: "image", source: { type: "url", url: "u" } }] },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "x", signature: "" },
          { type: "tool_use", id: "t", name: "f", input: { a: [1] } },
        ],
      },
      {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: "t", content: [{ type: "text", text: "r" }] }],
      },
    ],
    tools: [{ name: "f", input_schema: { type: "object" } }],
    tool_choice: { type: "any" },
    thinking: { type: "enabled", budget_tokens: 2000 },
    output_config: { effort: "low", format: { type: "json_schema", schema: {} } },
  });

  it("are read or refused by an error that says what is wrong, whatever stands in them", () => {
    const put = fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.constantFrom('"', "{", "]", "null", "\\ud800", "\u0000", ":1e999", '"type"', ",,", "[]", "-1"),
    );
    fc.assert(
      fc.property(fc.nat(body.length), put, fc.nat(20), (at, value, cut) => {
        const bytes = encode(body.slice(0, at) + value + body.slice(at + cut));
        try {
          const call = parseMessagesCall(bytes);
          expect(JSON.parse(call.passBody("other"))).toMatchObject({ model: "other" });
          call.request?.();
        } catch (error) {
          if (!(error instanceof RouteletError)) throw error;
          expect(error.status).toBe(400);
        }
      }),
      { numRuns: 500 },
    );
  });
});
