import fc from "fast-check";
import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { RouteletError } from "../../errors.ts";
import type { OutputPart } from "../model-request.ts";
import type { Reply, ReplyEvent } from "../reply.ts";
import { replyEvents } from "../reply-events.ts";
import { brokenRules, eventsOf } from "./fixtures/check-stream.ts";
import { renderContext } from "./fixtures/context.ts";
import { openResponseRenderer, responseOf, written } from "./render.ts";
import { replayEvents } from "./replay.ts";

const words = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" });

const part: fc.Arbitrary<OutputPart> = fc.oneof(
  fc.record({ type: fc.constant("text"), text: words }),
  fc.record({ type: fc.constant("refusal"), text: words }),
  fc.record({
    type: fc.constant("tool_call"),
    id: fc.uuid(),
    name: fc.constantFrom("f", "g"),
    arguments: fc.json(),
  }),
  fc.record({
    type: fc.constant("reasoning"),
    text: words,
    signature: fc.option(fc.constant("sig"), { nil: null }),
    redacted: fc.constant(null),
    origin: fc.constant("anthropic-messages"),
  }),
);

const reply: fc.Arbitrary<Reply> = fc.record({
  id: fc.constant("up"),
  model: fc.constantFrom("served", null),
  created: fc.constant(1),
  choices: fc.tuple(
    fc.record({
      index: fc.constant(0),
      parts: fc.array(part, { maxLength: 6 }),
      finish: fc.constantFrom("stop", "tool_calls", "length", "content_filter", "refusal", null),
      stopSequence: fc.constant(null),
      logprobs: fc.constant(null),
    }),
  ),
  usage: fc.option(fc.constant({ inputTokens: 9, cachedInputTokens: 2, outputTokens: 5 }), { nil: null }),
  serviceTier: fc.constant(null),
});

const body = fc.constantFrom(
  {},
  { reasoning: { effort: "low", summary: "auto" } },
  { store: false, temperature: 0.5, instructions: "x", metadata: { a: "b" }, top_logprobs: 1 },
  { tools: [{ type: "function", name: "f" }], tool_choice: { type: "function", name: "f" } },
  { text: { format: { type: "json_schema", name: "s", schema: { type: "object" } } } },
);

/** The same words in smaller pieces, as a backend that streams sends them. */
function cut(events: readonly ReplyEvent[], size: number): ReplyEvent[] {
  return events.flatMap((event): ReplyEvent[] => {
    if (!("text" in event)) return [event];
    const pieces = event.text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
    return pieces.map((text) => ({ ...event, text }));
  });
}

/** Arguments of calls come side by side, one piece of each in turn. */
function interleaved(events: readonly ReplyEvent[]): ReplyEvent[] {
  const begins = events.filter(({ type }) => type === "tool_call");
  const args = events.filter((event) => event.type === "tool_arguments");
  const others = events.filter(({ type }) => type !== "tool_call" && type !== "tool_arguments");
  const end = others.findIndex(({ type }) => type === "finish" || type === "usage" || type === "end");
  const turns = args
    .map((event, at) => ({
      event,
      turn: args.slice(0, at).filter(({ index }) => index === event.index).length,
    }))
    .sort((a, b) => a.turn - b.turn)
    .map(({ event }) => event);
  return [...others.slice(0, end), ...begins, ...turns, ...others.slice(end)];
}

function render(events: readonly ReplyEvent[], asked: object, failure?: RouteletError): string {
  const renderer = openResponseRenderer(renderContext(asked));
  const text = events.map((event) => renderer.push(event)).join("");
  return text + (failure === undefined ? renderer.end() : renderer.fail(failure));
}

const failure = new RouteletError({ kind: "upstream", code: "upstream_lost", message: "lost" });

describe("a translated stream", () => {
  it("keeps every rule of the dialect, whatever the reply, however it is cut", () => {
    fc.assert(
      fc.property(reply, body, fc.integer({ min: 1, max: 9 }), (one, asked, size) => {
        expect(brokenRules(eventsOf(render(cut(replyEvents(one), size), asked)))).toEqual([]);
      }),
    );
  });

  it("keeps them where calls are written side by side", () => {
    fc.assert(
      fc.property(reply, body, fc.integer({ min: 1, max: 9 }), (one, asked, size) => {
        const events = interleaved(cut(replyEvents(one), size));
        expect(brokenRules(eventsOf(render(events, asked)))).toEqual([]);
      }),
    );
  });

  it("keeps them where it fails half-way", () => {
    fc.assert(
      fc.property(reply, body, fc.nat(), (one, asked, at) => {
        const events = replyEvents(one);
        const text = render(events.slice(0, at % events.length), asked, failure);
        expect(brokenRules(eventsOf(text))).toEqual([]);
        expect(eventsOf(text).at(-1)).toMatchObject({ type: "response.failed" });
      }),
    );
  });

  it("ends with the response of the same call without a stream", () => {
    fc.assert(
      fc.property(reply, body, fc.integer({ min: 1, max: 9 }), (one, asked, size) => {
        const streamed = eventsOf(render(cut(replyEvents(one), size), asked)).at(-1)?.response;
        expect(streamed).toEqual(responseOf(one, renderContext(asked)));
      }),
    );
  });

  it("is put together by OpenAI's own SDK to the response that it ends with", async () => {
    await fc.assert(
      fc.asyncProperty(reply, fc.integer({ min: 1, max: 9 }), async (one, size) => {
        const text = render(interleaved(cut(replyEvents(one), size)), {});
        const client = new OpenAI({
          apiKey: "k",
          baseURL: "http://127.0.0.1/v1",
          fetch: async () => new Response(text, { headers: { "content-type": "text/event-stream" } }),
        });
        const seen: OpenAI.Responses.ResponseStreamEvent[] = [];
        const stream = client.responses.stream({ model: "m", input: "hi" });
        stream.on("event", (event) => seen.push(event as OpenAI.Responses.ResponseStreamEvent));
        const final = await stream.finalResponse();
        expect(seen).toHaveLength(eventsOf(text).length);
        expect(final).toMatchObject(eventsOf(text).at(-1)?.response as object);
      }),
      { numRuns: 25 },
    );
  });
});

describe("brokenRules", () => {
  const good = eventsOf(
    render(
      cut(
        [
          { type: "reasoning", choice: 0, text: "hmm" },
          { type: "text", choice: 0, text: "Hello" },
          { type: "tool_call", choice: 0, index: 0, id: "t", name: "f" },
          { type: "tool_arguments", choice: 0, index: 0, text: "{}" },
        ],
        2,
      ),
      {},
    ),
  );

  it("finds nothing wrong with a stream that is right", () => {
    expect(brokenRules(good)).toEqual([]);
  });

  it("sees each event that is missing, twice, or at another place", () => {
    for (const at of good.keys()) {
      const renumbered = (events: typeof good) =>
        events.map((event, index) => ({ ...event, sequence_number: index }));
      expect(brokenRules(renumbered(good.toSpliced(at, 1))), `without ${good[at]?.type}`).not.toEqual([]);
      const twice = good.toSpliced(at, 0, ...good.slice(at, at + 1));
      expect(brokenRules(renumbered(twice)), `twice ${good[at]?.type}`).not.toEqual([]);
      expect(brokenRules(good.toSpliced(at, 0, ...good.slice(at, at + 1)))).not.toEqual([]);
    }
  });
});

describe("a response that is told once more", () => {
  it("keeps every rule of a stream, and ends with the response", () => {
    fc.assert(
      fc.property(reply, body, (one, asked) => {
        const response = responseOf(one, renderContext(asked));
        const events = replayEvents(response);
        expect(brokenRules(eventsOf(written(events)))).toEqual([]);
        expect(events.at(-1)?.response).toEqual(response);
      }),
    );
  });

  it("has the items of a provider's own tools, annotations, and what failed", () => {
    const annotation = {
      type: "url_citation",
      url: "https://a.example",
      title: "A",
      start_index: 0,
      end_index: 1,
    };
    const events = replayEvents({
      id: "resp_1",
      status: "failed",
      error: { code: "server_error", message: "broke" },
      output: [
        { id: "ws_1", type: "web_search_call", status: "completed", action: { type: "search", query: "a" } },
        {
          id: "msg_1",
          type: "message",
          role: "assistant",
          status: "incomplete",
          content: [{ type: "output_text", text: "a", annotations: [annotation], logprobs: [] }],
        },
        {
          id: "ctc_1",
          type: "custom_tool_call",
          call_id: "c",
          name: "patch",
          input: "x",
          status: "completed",
        },
      ],
    });
    expect(events.map(({ type }) => type.replace("response.", ""))).toEqual([
      "created",
      "in_progress",
      "output_item.added",
      "output_item.done",
      "output_item.added",
      "content_part.added",
      "output_text.delta",
      "output_text.annotation.added",
      "output_text.done",
      "content_part.done",
      "output_item.done",
      "output_item.added",
      "custom_tool_call_input.delta",
      "custom_tool_call_input.done",
      "output_item.done",
      "failed",
    ]);
    expect(events[0]?.response).toMatchObject({ status: "in_progress", error: null, output: [] });
    expect(events[7]).toMatchObject({ annotation, annotation_index: 0, output_index: 1 });
  });
});

describe("what a model thought", () => {
  const thinks = (asked: object) =>
    eventsOf(
      render(
        [
          { type: "reasoning", choice: 0, text: "hm" },
          { type: "text", choice: 0, text: "x" },
        ],
        asked,
      ),
    );
  const item = (asked: object) => {
    const { output } = (thinks(asked).at(-1)?.response ?? {}) as Partial<OpenAI.Responses.Response>;
    return output?.[0];
  };

  it("is a summary where the caller asked for one: such clients show nothing else", () => {
    const asked = { reasoning: { summary: "auto" } };
    expect(thinks(asked).map(({ type }) => type)).toEqual(
      expect.arrayContaining([
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
      ]),
    );
    expect(item(asked)).toMatchObject({ summary: [{ type: "summary_text", text: "hm" }], content: [] });
  });

  it("is its own words where the caller did not", () => {
    expect(item({})).toMatchObject({ summary: [], content: [{ type: "reasoning_text", text: "hm" }] });
  });
});
