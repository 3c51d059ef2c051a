import { createParser, type EventSourceMessage } from "eventsource-parser";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createChunkRenderer, renderCompletion } from "./chat-output.ts";

const identity = { id: "chatcmpl-1", created: 1_700_000_000, model: "m", systemFingerprint: "fp_1" };
const usage = { promptTokens: 5, cachedTokens: 2, completionTokens: 3, reasoningTokens: 1 };
const renderedUsage = {
  prompt_tokens: 5,
  completion_tokens: 3,
  total_tokens: 8,
  prompt_tokens_details: { cached_tokens: 2 },
  completion_tokens_details: { reasoning_tokens: 1 },
};

function readEvents(chunks: Uint8Array[]): string[] {
  const events: string[] = [];
  const parser = createParser({ onEvent: (event: EventSourceMessage) => events.push(event.data) });
  for (const chunk of chunks) parser.feed(new TextDecoder().decode(chunk));
  return events;
}

const said = (content: string) => ({ content, reasoning: "", toolCalls: [] });

function stream(texts: string[], includeUsage: boolean) {
  const renderer = createChunkRenderer(identity, includeUsage);
  const events = readEvents([
    renderer.start(0),
    ...texts.map((text) => renderer.part(0, { type: "content", text }, null)),
    renderer.finish(0, "stop"),
    renderer.end(usage),
  ]);
  return { chunks: events.slice(0, -1).map((event) => JSON.parse(event)), last: events.at(-1) };
}

describe("createChunkRenderer", () => {
  it("gives the role first and once, null until the finish reason, and ends with [DONE]", () => {
    const { chunks, last } = stream(["a", "b"], false);
    expect(chunks.map((chunk) => chunk.choices)).toEqual([
      [{ index: 0, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null }],
      [{ index: 0, delta: { content: "a" }, logprobs: null, finish_reason: null }],
      [{ index: 0, delta: { content: "b" }, logprobs: null, finish_reason: null }],
      [{ index: 0, delta: {}, logprobs: null, finish_reason: "stop" }],
    ]);
    for (const chunk of chunks) {
      expect(chunk).toMatchObject({
        id: "chatcmpl-1",
        object: "chat.completion.chunk",
        created: 1_700_000_000,
        model: "m",
      });
      expect(chunk).not.toHaveProperty("usage");
    }
    expect(last).toBe("[DONE]");
  });

  it("adds a chunk with usage and no choices only when asked, and null usage before it", () => {
    const { chunks } = stream(["a"], true);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: renderedUsage });
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
  });

  it("gives a call's id and name once, and its arguments as they come", () => {
    const renderer = createChunkRenderer(identity, false);
    const deltas = readEvents([
      renderer.part(0, { type: "reasoning", text: "Hm." }, null),
      renderer.part(0, { type: "call", index: 0, id: "call_1", name: "f" }, null),
      renderer.part(0, { type: "arguments", index: 0, text: '{"a' }, null),
    ]).map((event) => JSON.parse(event).choices[0].delta);
    expect(deltas).toEqual([
      { reasoning_content: "Hm." },
      {
        tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name: "f", arguments: "" } }],
      },
      { tool_calls: [{ index: 0, function: { arguments: '{"a' } }] },
    ]);
  });

  it("carries any text unharmed through server-sent events", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" }).map((text) => `${text}\n\r\n`)), (texts) => {
        const { chunks } = stream(texts, false);
        const contents = chunks.map((chunk) => chunk.choices[0].delta.content ?? "");
        expect(contents.join("")).toBe(texts.join(""));
      }),
    );
  });
});

describe("renderCompletion", () => {
  it("gives calls without content, and thoughts beside the content", () => {
    const call = { id: "call_1", name: "f", arguments: '{"a":1}' };
    const body = renderCompletion(identity, {
      choices: [
        { ...said(""), toolCalls: [call], logprobs: null, finishReason: "tool_calls" },
        { ...said("Hi"), reasoning: "Hm.", logprobs: null, finishReason: "stop" },
      ],
      usage,
    });
    expect(JSON.parse(new TextDecoder().decode(body)).choices).toMatchObject([
      {
        message: {
          content: null,
          tool_calls: [{ id: "call_1", type: "function", function: { name: "f", arguments: '{"a":1}' } }],
        },
        finish_reason: "tool_calls",
      },
      { message: { content: "Hi", reasoning_content: "Hm." } },
    ]);
  });

  it("gives OpenAI's object with exact usage", () => {
    const body = renderCompletion(identity, {
      choices: [{ ...said("Hi"), logprobs: null, finishReason: "length" }],
      usage,
    });
    expect(JSON.parse(new TextDecoder().decode(body))).toEqual({
      id: "chatcmpl-1",
      object: "chat.completion",
      created: 1_700_000_000,
      model: "m",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "Hi", refusal: null },
          logprobs: null,
          finish_reason: "length",
        },
      ],
      usage: renderedUsage,
      system_fingerprint: "fp_1",
    });
  });

  it("numbers several choices, each with its own log-probabilities", () => {
    const entry = { token: "A", logprob: -0.5, bytes: [65], top_logprobs: [] };
    const body = renderCompletion(identity, {
      choices: [
        { ...said("A"), logprobs: [entry], finishReason: "stop" },
        { ...said(""), logprobs: [], finishReason: "length" },
      ],
      usage,
    });
    expect(JSON.parse(new TextDecoder().decode(body)).choices).toMatchObject([
      { index: 0, logprobs: { content: [entry], refusal: null }, finish_reason: "stop" },
      { index: 1, logprobs: { content: [], refusal: null }, finish_reason: "length" },
    ]);
  });
});
