import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ModelRequest } from "../model-request.ts";
import type { ReplyEvent } from "../reply.ts";
import { checkStream } from "./fixtures/check-stream.ts";
import { encode, testContext } from "./fixtures/context.ts";
import { RECORDED } from "./fixtures/recorded.ts";
import { testRequest } from "./fixtures/request.ts";
import { openMessagesReader } from "./read-stream.ts";
import { renderMessagesRequest } from "./render-request.ts";
import { openMessageRenderer } from "./render-stream.ts";

const event = (data: { type: string; [more: string]: unknown }) =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
const START = event({
  type: "message_start",
  message: { id: "msg_1", model: "m", usage: { input_tokens: 3 } },
});
const begin = (index: number, content_block: object) =>
  event({ type: "content_block_start", index, content_block });
const delta = (index: number, value: object) => event({ type: "content_block_delta", index, delta: value });
const stop = (index: number) => event({ type: "content_block_stop", index });
const end = (stop_reason: string, more: object = {}) =>
  event({ type: "message_delta", delta: { stop_reason, ...more }, usage: { output_tokens: 9 } });
const STOP = event({ type: "message_stop" });
const TOOL = { type: "tool_use", id: "toolu_1", name: "f", input: {} };
const FORMAT: Partial<ModelRequest> = { format: { type: "json_object" } };

function read(text: string, more: Partial<ModelRequest> = {}, size = 10_000) {
  const reader = openMessagesReader(testRequest(more));
  const bytes = encode(text);
  const events: ReplyEvent[] = [];
  for (let at = 0; at < bytes.length; at += size) events.push(...reader.push(bytes.subarray(at, at + size)));
  events.push(...reader.end());
  return { events, malformed: reader.malformedEvents, reasons: [...reader.finishReasons] };
}
const only = (events: ReplyEvent[], type: ReplyEvent["type"]) => events.filter((one) => one.type === type);

describe("openMessagesReader", () => {
  it("reads a recorded text stream", () => {
    expect(read(RECORDED.text)).toEqual({
      events: [
        {
          type: "start",
          id: "msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyy",
          model: "claude-opus-4-8",
          created: null,
          usage: { inputTokens: 25, cachedInputTokens: 0, outputTokens: 1 },
        },
        { type: "text", choice: 0, text: "Hello" },
        { type: "text", choice: 0, text: "!" },
        { type: "finish", choice: 0, reason: "stop", stopSequence: null },
        { type: "usage", usage: { inputTokens: 25, cachedInputTokens: 0, outputTokens: 15 } },
        { type: "end" },
      ],
      malformed: 0,
      reasons: ["end_turn"],
    });
  });

  it("reads a recorded tool call, its input and the cache's tokens", () => {
    const { events } = read(RECORDED["tool-use"]);
    const joined = only(events, "tool_arguments").map((one) => ("text" in one ? one.text : ""));
    expect(joined.join("")).toBe('{"location": "San Francisco, CA", "unit": "fahrenheit"}');
    expect(only(events, "tool_call")).toEqual([
      { type: "tool_call", choice: 0, index: 0, id: "toolu_01T1x1fJ34qAmk2tNTrN7Up6", name: "get_weather" },
    ]);
    expect(only(events, "finish")).toMatchObject([{ reason: "tool_calls" }]);
    expect(only(events, "usage")).toMatchObject([{ usage: { inputTokens: 2572, cachedInputTokens: 2000 } }]);
  });

  it("reads recorded thinking with its signature, and what was redacted", () => {
    const { events } = read(RECORDED.thinking);
    expect(events.map(({ type }) => type)).toEqual([
      "start",
      "reasoning",
      "reasoning",
      "reasoning_signature",
      "redacted_reasoning",
      "text",
      "finish",
      "usage",
      "end",
    ]);
    expect(only(events, "reasoning_signature")).toMatchObject([{ origin: "anthropic-messages" }]);
  });

  it("keeps only the words of a turn in which the provider ran tools itself", () => {
    const { events, malformed } = read(RECORDED["server-tool"]);
    expect(only(events, "text").map((one) => ("text" in one ? one.text : ""))).toEqual([
      "I'll check",
      " and it is mild.",
    ]);
    expect(only(events, "tool_call")).toEqual([]);
    expect(only(events, "finish")).toMatchObject([{ reason: "pause" }]);
    expect(malformed).toBe(0);
  });

  it.each(["text", "tool-use", "thinking"] as const)(
    "makes of a recorded %s stream the same message again",
    (name) => {
      const renderer = openMessageRenderer(testContext());
      const rendered =
        read(RECORDED[name])
          .events.map((one) => renderer.push(one))
          .join("") + renderer.end();
      expect(checkStream(rendered).blocks).toEqual(checkStream(RECORDED[name]).blocks);
      expect(checkStream(rendered).end?.delta.stop_reason).toBe(
        checkStream(RECORDED[name]).end?.delta.stop_reason,
      );
    },
  );

  it.each([
    ["end_turn", "stop"],
    ["max_tokens", "length"],
    ["stop_sequence", "stop_sequence"],
    ["tool_use", "stop"],
    ["pause_turn", "pause"],
    ["refusal", "refusal"],
    ["model_context_window_exceeded", "context_length"],
    ["a_new_reason", "stop"],
  ])("%s means %s", (word, reason) => {
    const { events, reasons } = read(START + end(word, { stop_sequence: "END" }) + STOP);
    expect(only(events, "finish")).toEqual([{ type: "finish", choice: 0, reason, stopSequence: "END" }]);
    expect(reasons).toEqual([word]);
  });

  it("says tool_calls where a server ends them with end_turn", () => {
    const { events } = read(START + begin(0, TOOL) + stop(0) + end("end_turn") + STOP);
    expect(only(events, "finish")).toMatchObject([{ reason: "tool_calls" }]);
  });

  it.each([
    ["no input at all", {}, "{}"],
    ["the input with the start", { a: 1 }, '{"a":1}'],
  ])("gives a tool call with %s its arguments", (_name, input, text) => {
    const { events } = read(START + begin(0, { ...TOOL, input }) + stop(0) + end("tool_use") + STOP);
    expect(only(events, "tool_arguments")).toEqual([{ type: "tool_arguments", choice: 0, index: 0, text }]);
  });

  it("gives arguments also where a server stops no blocks, before the finish", () => {
    const { events } = read(START + begin(0, TOOL) + end("tool_use") + STOP);
    expect(events.map(({ type }) => type)).toEqual([
      "start",
      "tool_call",
      "tool_arguments",
      "finish",
      "usage",
      "end",
    ]);
  });

  it("counts tool calls from 0 without gaps, whatever their block", () => {
    const text =
      START +
      begin(0, { type: "text", text: "" }) +
      stop(0) +
      begin(1, TOOL) +
      stop(1) +
      begin(2, { ...TOOL, id: "toolu_2", name: "g" }) +
      delta(2, { type: "input_json_delta", partial_json: "{}" }) +
      stop(2) +
      end("tool_use") +
      STOP;
    expect(only(read(text).events, "tool_call")).toMatchObject([
      { index: 0, id: "toolu_1" },
      { index: 1, id: "toolu_2" },
    ]);
  });

  it("changes a tool's name back to the caller's own", () => {
    const tools = [{ name: "files.read", description: null, parameters: null, strict: null }];
    const body = JSON.parse(renderMessagesRequest(testRequest({ tools }), { model: "m", stream: true }));
    const text = START + begin(0, { ...TOOL, name: body.tools[0].name }) + stop(0) + end("tool_use") + STOP;
    expect(only(read(text, { tools }).events, "tool_call")).toMatchObject([{ name: "files.read" }]);
  });

  it("reads the output tool's input as the answer", () => {
    const text =
      START +
      begin(0, { ...TOOL, name: "respond_with_json" }) +
      delta(0, { type: "input_json_delta", partial_json: '{"a"' }) +
      delta(0, { type: "input_json_delta", partial_json: ":1}" }) +
      stop(0) +
      end("tool_use") +
      STOP;
    const { events } = read(text, FORMAT);
    expect(only(events, "tool_call")).toEqual([]);
    expect(only(events, "text")).toMatchObject([{ text: '{"a"' }, { text: ":1}" }]);
    expect(only(events, "finish")).toMatchObject([{ reason: "stop" }]);
    // A caller's own tool of that name stays a tool.
    expect(only(read(text).events, "tool_call")).toHaveLength(1);
  });

  it("starts once, and even where the server does not", () => {
    expect(
      only(read(START + START + delta(0, { type: "text_delta", text: "a" })).events, "start"),
    ).toHaveLength(1);
    const { events } = read(delta(0, { type: "text_delta", text: "a" }) + end("end_turn") + STOP);
    expect(events[0]).toMatchObject({ type: "start", id: null });
    expect(only(events, "text")).toMatchObject([{ text: "a" }]);
  });

  it("ends properly only where the server did", () => {
    const cut = START + begin(0, { type: "text", text: "" }) + delta(0, { type: "text_delta", text: "a" });
    expect(read(cut).events.map(({ type }) => type)).toEqual(["start", "text"]);
    expect(only(read(cut + end("end_turn")).events, "finish")).toHaveLength(1);
    expect(only(read(cut + end("end_turn")).events, "end")).toHaveLength(0);
    expect(only(read(cut + stop(0) + STOP).events, "finish")).toMatchObject([{ reason: "stop" }]);
  });

  it("says the error inside a stream, and nothing after it", () => {
    const broken = event({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } });
    const { events } = read(START + broken + delta(0, { type: "text_delta", text: "a" }) + STOP);
    expect(events.map(({ type }) => type)).toEqual(["start", "error"]);
    expect(events[1]).toMatchObject({ error: { code: "backend_busy", status: 529 } });
  });

  it("counts what cannot be read and goes on", () => {
    const { events, malformed } = read(
      `${START}data: {"type":\n\n${delta(4, { type: "input_json_delta" })}${STOP}`,
    );
    expect(malformed).toBe(2);
    expect(only(events, "end")).toHaveLength(1);
  });

  it("reads a last event that has no blank line", () => {
    expect(only(read((START + STOP).trimEnd()).events, "end")).toHaveLength(1);
  });

  it("knows no usage where the server counts no input", () => {
    const unknown = event({ type: "message_start", message: { id: "x", usage: { input_tokens: 0 } } });
    const { events } = read(unknown + end("end_turn") + STOP);
    expect(events[0]).toMatchObject({ usage: null });
    expect(only(events, "usage")).toEqual([]);
  });

  it("gives the same events however the stream is chunked", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 90 }),
        fc.constantFrom("tool-use" as const, "thinking" as const, "server-tool" as const),
        (size, name) => {
          expect(read(RECORDED[name], {}, size)).toEqual(read(RECORDED[name]));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("makes a stream without a breach of any mutation of a stream", () => {
    const text = RECORDED.thinking + RECORDED["tool-use"];
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 5 }), fc.nat(200), (at, put, cut) => {
        const renderer = openMessageRenderer(testContext());
        const { events } = read(text.slice(0, at) + put + text.slice(at + cut));
        const rendered = events.map((one) => renderer.push(one)).join("") + renderer.end();
        expect(() => checkStream(rendered)).not.toThrow();
      }),
      { numRuns: 300 },
    );
  });
});
