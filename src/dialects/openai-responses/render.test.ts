import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { RouteletError } from "../../errors.ts";
import type { RenderContext } from "../dialect.ts";
import type { Reply, ReplyEvent } from "../reply.ts";
import { replyEvents } from "../reply-events.ts";
import { parseResponsesCall } from "./parse.ts";
import { openResponseRenderer, responseOf } from "./render.ts";

function context(more: object = {}): RenderContext {
  const body = { model: "m", input: "hi", stream: true, ...more };
  return {
    call: parseResponsesCall(new TextEncoder().encode(JSON.stringify(body))),
    callId: "call_01J0000000000000000000000000",
    renameModel: null,
    estimatedInputTokens: 1,
    now: 1_700_000_000_000,
  };
}

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

interface Event {
  type: string;
  sequence_number: number;
  [more: string]: unknown;
}

function render(events: readonly ReplyEvent[], more: object = {}, failure?: RouteletError) {
  const renderer = openResponseRenderer(context(more));
  let text = events.map((event) => renderer.push(event)).join("");
  text += failure === undefined ? renderer.end() : renderer.fail(failure);
  const list = text
    .split("\n\n")
    .filter(Boolean)
    .map((block) => JSON.parse(block.split("\n")[1]?.slice(6) ?? "") as Event);
  return { text, list, types: list.map(({ type }) => type) };
}

/** Every item opens, is filled and closes, parts within it, and what the deltas say is what the item says. */
function check(list: readonly Event[]): void {
  expect(list.map(({ sequence_number }) => sequence_number)).toEqual(list.map((_, at) => at));
  const open = new Map<number, { id: string; said: string }>();
  const done: unknown[] = [];
  for (const event of list) {
    const at = event.output_index as number;
    if (event.type === "response.output_item.added") {
      expect(at).toBe(open.size + done.length);
      open.set(at, { id: (event.item as { id: string }).id, said: "" });
    } else if (event.type.endsWith(".delta")) {
      const item = open.get(at);
      expect(item?.id).toBe(event.item_id);
      if (item !== undefined) item.said += event.delta as string;
    } else if (event.type === "response.output_item.done") {
      const item = open.get(at);
      expect(item).toBeDefined();
      const whole = event.item as { content?: { text?: string; refusal?: string }[]; arguments?: string };
      const said = whole.arguments ?? (whole.content ?? []).map((part) => part.text ?? part.refusal).join("");
      expect(said).toBe(item?.said);
      open.delete(at);
      done[at] = event.item;
    }
  }
  expect(open.size).toBe(0);
  expect(list.at(-1)).toMatchObject({ response: { output: done } });
}

describe("openResponseRenderer", () => {
  it("gives the whole event sequence, numbered, nested and closed", () => {
    const { list, types } = render(replyEvents(REPLY));
    check(list);
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

  it("ends with the response that the call would have had without a stream", () => {
    const streamed = render(replyEvents(REPLY)).list.at(-1)?.response;
    expect(streamed).toEqual(responseOf(REPLY, context()));
    expect(streamed).toMatchObject({
      id: "resp_01J0000000000000000000000000",
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
    ["refusal", "completed", null],
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
    const { list } = render([{ type: "text", choice: 0, text: "x" }], {}, error);
    expect(list.at(-1)).toMatchObject({
      type: "response.failed",
      response: { status: "failed", error: { code: "rate_limit_exceeded", message: "busy" } },
    });
  });

  it("is understood by OpenAI's own SDK", async () => {
    const { text } = render(replyEvents(REPLY));
    const client = new OpenAI({
      apiKey: "k",
      baseURL: "http://127.0.0.1/v1",
      fetch: async () => new Response(text, { headers: { "content-type": "text/event-stream" } }),
    });
    const stream = client.responses.stream({ model: "m", input: "hi" });
    const final = await stream.finalResponse();
    expect(final.output_text).toBe("Hello");
    expect(final.output.map(({ type }) => type)).toEqual([
      "reasoning",
      "message",
      "function_call",
      "function_call",
    ]);
  });
});
