import { describe, expect, it } from "vitest";
import { RouteletError } from "../../errors.ts";
import type { Reply, ReplyEvent } from "../reply.ts";
import { replyEvents } from "../reply-events.ts";
import { brokenRules, eventsOf } from "./fixtures/check-stream.ts";
import { renderContext as context } from "./fixtures/context.ts";
import { openResponseRenderer, responseOf } from "./render.ts";

const USAGE = { inputTokens: 9, cachedInputTokens: 2, outputTokens: 5, reasoningTokens: 3 };

const REPLY: Reply = {
  id: "up",
  model: "served",
  created: 1,
  choices: [
    {
      index: 0,
      parts: [
        { type: "reasoning", text: "hm", signature: "sig", redacted: null, origin: "anthropic-messages" },
        { type: "text", text: "Hello" },
        { type: "tool_call", id: "t1", name: "f", arguments: '{"a":1}' },
        { type: "tool_call", id: "t2", name: "g", arguments: "{}" },
      ],
      finish: "tool_calls",
      stopSequence: null,
      logprobs: null,
    },
  ],
  usage: USAGE,
  serviceTier: null,
};

function render(events: readonly ReplyEvent[], failure?: RouteletError) {
  const renderer = openResponseRenderer(context());
  let text = events.map((event) => renderer.push(event)).join("");
  text += failure === undefined ? renderer.end() : renderer.fail(failure);
  const list = eventsOf(text);
  return { list, types: list.map(({ type }) => type) };
}

describe("openResponseRenderer", () => {
  it("gives the whole event sequence, numbered, nested and closed", () => {
    const { list, types } = render(replyEvents(REPLY));
    expect(brokenRules(list)).toEqual([]);
    expect(types).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.reasoning_text.delta",
      "response.reasoning_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.output_item.added",
      "response.function_call_arguments.delta",
      "response.output_item.added",
      "response.function_call_arguments.delta",
      "response.function_call_arguments.done",
      "response.output_item.done",
      "response.function_call_arguments.done",
      "response.output_item.done",
      "response.completed",
    ]);
  });

  it.each([
    ["refusal", [], "content_filter"],
    ["refusal", [{ type: "text", text: "I" }], "content_filter"],
    ["content_filter", [], "content_filter"],
    ["pause", [{ type: "text", text: "I" }], "max_output_tokens"],
    ["length", [{ type: "text", text: "I" }], "max_output_tokens"],
  ] as const)("is incomplete after %s with %j", (finish, parts, reason) => {
    const choice = { index: 0, parts: [...parts], finish, stopSequence: null, logprobs: null };
    const reply: Reply = { ...REPLY, choices: [choice] };
    const told = { status: "incomplete", incomplete_details: { reason }, completed_at: null };
    expect(responseOf(reply, context())).toMatchObject(told);
    expect(render(replyEvents(reply)).list.at(-1)).toMatchObject({
      type: "response.incomplete",
      response: told,
    });
  });

  it("is complete after a refusal in words", () => {
    const parts = [{ type: "refusal", text: "I cannot." } as const];
    const choice = { index: 0, parts, finish: "refusal", stopSequence: null, logprobs: null } as const;
    expect(responseOf({ ...REPLY, choices: [choice] }, context()).status).toBe("completed");
  });

  it("ends with the response that the call would have had without a stream", () => {
    const streamed = render(replyEvents(REPLY)).list.at(-1)?.response;
    expect(streamed).toEqual(responseOf(REPLY, context()));
    expect(streamed).toMatchObject({
      id: "resp_01j0000000000000000000000000",
      status: "completed",
      model: "served",
      usage: {
        input_tokens: 9,
        input_tokens_details: { cached_tokens: 2 },
        output_tokens: 5,
        output_tokens_details: { reasoning_tokens: 3 },
        total_tokens: 14,
      },
    });
  });

  it("holds its first events back until there is something to tell", () => {
    const renderer = openResponseRenderer(context());
    expect(renderer.push({ type: "start", id: null, model: "m", created: null, usage: null })).toBe("");
    expect(renderer.push({ type: "usage", usage: USAGE })).toBe("");
    expect(renderer.push({ type: "text", choice: 0, text: "x" })).toContain("response.created");
  });

  it("keeps a foreign signature where the client sends it back from, and gets it again", () => {
    const response = responseOf(REPLY, context()) as { output: Record<string, unknown>[] };
    const again = context({ input: response.output }).call.request?.();
    expect(again?.messages[0]?.content[0]).toEqual(REPLY.choices[0]?.parts[0]);
  });

  it.each([
    ["length", "incomplete", { reason: "max_output_tokens" }],
    ["content_filter", "incomplete", { reason: "content_filter" }],
    ["stop", "completed", null],
    ["refusal", "incomplete", { reason: "content_filter" }],
    ["pause", "incomplete", { reason: "max_output_tokens" }],
  ] as const)("ends a reply that ended by %s as %s", (reason, status, details) => {
    const { list } = render([
      { type: "text", choice: 0, text: "x" },
      { type: "finish", choice: 0, reason, stopSequence: null },
    ]);
    expect(list.at(-1)).toMatchObject({
      type: `response.${status}`,
      response: { status, incomplete_details: details, output: [{ status }] },
    });
  });

  it("fails as OpenAI does, and leaves what came", () => {
    const error = new RouteletError({ kind: "rate_limited", code: "backend_busy", message: "busy" });
    const { list } = render([{ type: "text", choice: 0, text: "x" }], error);
    expect(list.at(-1)).toMatchObject({
      type: "response.failed",
      response: { status: "failed", error: { code: "rate_limit_exceeded", message: "busy" } },
    });
  });
});
