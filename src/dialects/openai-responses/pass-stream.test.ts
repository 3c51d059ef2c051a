import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RouteletError } from "../../errors.ts";
import type { RenderContext } from "../dialect.ts";
import { parseResponsesCall } from "./parse.ts";
import { passResponseStream, passWholeResponse } from "./pass-stream.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (pieces: readonly Uint8Array[]) =>
  pieces.map((piece) => new TextDecoder().decode(piece)).join("");

const context = (renameModel: string | null = null, more: object = {}): RenderContext => ({
  call: parseResponsesCall(
    encode(JSON.stringify({ model: "m", input: "x", stream: true, store: false, ...more })),
  ),
  callId: "call_1",
  renameModel,
  estimatedInputTokens: 1,
  now: 0,
});

const named = (event: { type: string; [more: string]: unknown }) =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

const RESPONSE = { id: "resp_up", object: "response", model: "gpt-up", output: [] };
const CREATED = named({
  type: "response.created",
  sequence_number: 0,
  response: { ...RESPONSE, status: "in_progress" },
});
const ADDED = named({ type: "response.output_item.added", sequence_number: 1, output_index: 0, item: {} });
const DELTA = named({ type: "response.output_text.delta", sequence_number: 2, output_index: 0, delta: "é" });
const usage = { input_tokens: 9, input_tokens_details: { cached_tokens: 4 }, output_tokens: 2 };
const COMPLETED = named({
  type: "response.completed",
  sequence_number: 3,
  response: { ...RESPONSE, status: "completed", usage },
});
const STREAM = CREATED + ADDED + DELTA + COMPLETED;

function run(text: string, size = 10_000, renameModel: string | null = null) {
  const stream = passResponseStream(context(renameModel));
  const bytes = encode(text);
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(...stream.push(bytes.subarray(at, at + size)));
  out.push(...stream.flush());
  if (stream.facts.complete) out.push(...stream.end());
  return { facts: stream.facts, out: decode(out), reply: stream.reply?.() ?? null, stream };
}

describe("passResponseStream", () => {
  it("passes the bytes as they came, however they are cut, and reads the facts on the side", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), (size) => {
        const { out, facts, reply } = run(STREAM, size);
        expect(out).toBe(STREAM);
        expect(facts).toMatchObject({
          id: "resp_up",
          model: "gpt-up",
          usage: { inputTokens: 9, cachedInputTokens: 4, outputTokens: 2 },
          committed: true,
          complete: true,
          terminated: true,
          finishReasons: ["completed"],
        });
        expect(reply).toMatchObject({ id: "resp_up", status: "completed" });
      }),
    );
  });

  it("is not committed by events that only open something (trap 17)", () => {
    expect(run(CREATED + ADDED).facts.committed).toBe(false);
    expect(run(CREATED + ADDED + DELTA).facts.committed).toBe(true);
  });

  it.each([
    ["nothing follows the last event", `${STREAM}data: [DONE]\n\n${DELTA}`, STREAM],
    [
      "a [DONE], which the dialect has not, is left out",
      `${CREATED}data: [DONE]\n\n${DELTA}`,
      CREATED + DELTA,
    ],
    ["what is no JSON is counted and left out", `${CREATED}data: {"broken\n\n${DELTA}`, CREATED + DELTA],
  ])("mends: %s", (_name, text, out) => {
    expect(run(text).out).toBe(out);
  });

  it.each([
    [
      "a failed response",
      named({
        type: "response.failed",
        response: { ...RESPONSE, status: "failed", error: { code: "server_error", message: "died" } },
      }),
      "upstream_error",
    ],
    [
      "an error event",
      named({ type: "error", code: "rate_limit_exceeded", message: "died" }),
      "backend_busy",
    ],
  ])("sees %s", (_name, event, code) => {
    const { facts, out } = run(CREATED + event);
    expect(facts.inBandError).toMatchObject({ code, message: expect.stringContaining("died") });
    expect(out).toBe(CREATED);
  });

  it("does not take a stream that stops for a whole one", () => {
    expect(run(CREATED + DELTA).facts).toMatchObject({ complete: false, terminated: false });
  });

  it("does not lose an error behind an event without its blank line", () => {
    const { stream, out } = run(CREATED + DELTA.trimEnd());
    const error = new RouteletError({ kind: "upstream", code: "upstream_lost", message: "lost" });
    const seen: string[] = [];
    const parser = createParser({ onEvent: ({ data }) => seen.push(JSON.parse(data).type) });
    parser.feed(out + decode(stream.fail(error)));
    expect(seen).toEqual(["response.created", "response.output_text.delta", "error"]);
  });

  it("shows the requested model where a key asks for that", () => {
    const { out, facts } = run(STREAM, 10_000, "gpt-asked");
    expect(out).toBe(STREAM.replaceAll("gpt-up", "gpt-asked"));
    expect(facts.model).toBe("gpt-up");
  });
});

describe("passWholeResponse", () => {
  const whole = (json: object, renameModel: string | null = null) =>
    passWholeResponse(encode(JSON.stringify(json)), context(renameModel));

  it("reads facts and passes the bytes", () => {
    const { body, facts } = whole({
      ...RESPONSE,
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
      usage,
    });
    expect(JSON.parse(decode([body]))).toMatchObject({ id: "resp_up" });
    expect(facts).toMatchObject({ finishReasons: ["max_output_tokens"], usage: { inputTokens: 9 } });
  });

  it.each([
    ["an error object", { error: { message: "no" } }],
    [
      "a response that failed",
      { ...RESPONSE, status: "failed", error: { code: "server_error", message: "no" } },
    ],
  ])("sees %s", (_name, json) => {
    expect(whole(json).facts.inBandError?.message).toContain("no");
  });

  it("does not take a chat completion for a response: the server lacks this endpoint", () => {
    expect(whole({ object: "chat.completion", choices: [] }).facts.malformedEvents).toBe(1);
  });
});

describe("what a backend was not told of storing", () => {
  const told = { ...RESPONSE, status: "completed", store: false, previous_response_id: null };
  const whole = (asked: object) =>
    JSON.parse(decode([passWholeResponse(encode(JSON.stringify(told)), context(null, asked)).body]));
  const streamed = (asked: object) => {
    const stream = passResponseStream(context(null, asked));
    const out = stream.push(encode(named({ type: "response.completed", response: told })));
    return JSON.parse(decode(out).split("data: ")[1] ?? "").response;
  };

  it.each([
    ["stored unasked", { store: null }, { id: "resp_1", store: true, previous_response_id: null }],
    ["stored, under an id of the gateway's own", { store: true }, { id: "resp_1", store: true }],
    ["not stored", { store: false }, { id: "resp_up", store: false, previous_response_id: null }],
    [
      "one that goes on",
      { store: false, previous_response_id: "resp_1" },
      { store: false, previous_response_id: "resp_1" },
    ],
  ])("is told to the client by the gateway: %s", (_name, asked, said) => {
    expect(whole(asked)).toMatchObject(said);
    expect(streamed(asked)).toMatchObject(said);
  });
});
