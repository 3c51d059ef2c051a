import { describe, expect, it } from "vitest";
import { emptyRequest, type Message } from "../dialects/model-request.ts";
import type { FinishReason, ReplyChoice } from "../dialects/reply.ts";
import { answerOf, askedOf } from "./verifiable.ts";

const MESSAGES: Message[] = [
  { role: "system", content: [{ type: "text", text: "Be brief." }] },
  {
    role: "user",
    content: [
      { type: "text", text: "Read this." },
      { type: "file", source: { kind: "text", text: "A report." } },
      { type: "image", source: { kind: "url", url: "https://example.com/a.png" } },
    ],
  },
  {
    role: "assistant",
    content: [
      { type: "reasoning", text: "thought", signature: null, redacted: null, origin: "openai-chat" },
      { type: "tool_call", id: "1", name: "look", arguments: '{"at":"page 3"}' },
    ],
  },
  { role: "tool", callId: "1", content: [{ type: "text", text: "Nothing there." }], isError: false },
];

describe("what was asked", () => {
  it("has every text that the model was given, its own thoughts left out, and the last request", () => {
    expect(askedOf({ ...emptyRequest(), messages: MESSAGES })).toMatchObject({
      context: ["Be brief.", "Read this.", "A report.", '{"at":"page 3"}', "Nothing there."],
      request: "Read this.\nA report.",
      parallelToolCalls: true,
      format: null,
    });
  });

  it.each([
    [null, { mode: "auto", names: null }],
    [{ type: "none" }, { mode: "none", names: null }],
    [{ type: "required" }, { mode: "required", names: null }],
    [
      { type: "tool", name: "look" },
      { mode: "required", names: ["look"] },
    ],
    [
      { type: "allowed", mode: "auto", names: ["a", "b"] },
      { mode: "auto", names: ["a", "b"] },
    ],
  ] as const)("tool choice %j", (toolChoice, expected) => {
    const request = { ...emptyRequest(), toolChoice: structuredClone(toolChoice) as never };
    expect(askedOf(request).toolChoice).toEqual(expected);
  });

  it("knows the schema of the text, and that any object will do", () => {
    const schema = { type: "object" };
    const format = { type: "json_schema", name: "x", description: null, schema, strict: true } as const;
    expect(askedOf({ ...emptyRequest(), format }).format).toEqual({ schema });
    expect(askedOf({ ...emptyRequest(), format: { type: "json_object" } }).format).toEqual({ schema: null });
  });
});

describe("what was answered", () => {
  const choice = (more: Partial<ReplyChoice>): ReplyChoice => ({
    index: 0,
    parts: [],
    finish: "stop",
    stopSequence: null,
    logprobs: null,
    ...more,
  });

  it("text, refusal and calls apart", () => {
    const parts: ReplyChoice["parts"] = [
      { type: "text", text: "One " },
      { type: "text", text: "two." },
      { type: "refusal", text: "No." },
      { type: "tool_call", id: "1", name: "look", arguments: "{}" },
    ];
    expect(answerOf(choice({ parts }))).toEqual({
      text: "One two.",
      refusal: "No.",
      calls: [{ name: "look", arguments: "{}" }],
      finish: "complete",
      tokens: null,
    });
  });

  it.each<[FinishReason | null, string | null]>([
    ["stop", "complete"],
    ["tool_calls", "complete"],
    ["length", "cut"],
    ["context_length", "cut"],
    ["content_filter", "filtered"],
    ["refusal", "refused"],
    [null, null],
  ])("finish %s", (finish, expected) => {
    expect(answerOf(choice({ finish })).finish).toBe(expected);
  });

  it("a token's runner-up is the best of the others", () => {
    const other = (token: string, logprob: number) => ({ token, logprob, bytes: null });
    const logprobs = [
      { ...other("a", -0.1), top_logprobs: [other("a", -0.1), other("b", -2)] },
      { ...other("c", -3), top_logprobs: [other("d", -0.5), other("c", -3)] },
      { ...other("e", -1), top_logprobs: [] },
    ];
    expect(answerOf(choice({ logprobs })).tokens).toEqual([
      { text: "a", logprob: -0.1, runnerUp: -2 },
      { text: "c", logprob: -3, runnerUp: -0.5 },
      { text: "e", logprob: -1, runnerUp: null },
    ]);
  });
});
