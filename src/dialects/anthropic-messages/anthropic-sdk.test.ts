import Anthropic from "@anthropic-ai/sdk";
import { describe, expect, it } from "vitest";
import { RouteletError } from "../../errors.ts";
import type { ReplyEvent } from "../reply.ts";
import { anthropicMessages } from "./client.ts";
import { testContext } from "./fixtures/context.ts";
import { RECORDED } from "./fixtures/recorded.ts";
import { testRequest } from "./fixtures/request.ts";
import { openMessagesReader } from "./read-stream.ts";

/** Anthropic's own client, with what the gateway answers in the network's place. */
function client(answer: (body: string) => Response): Anthropic {
  return new Anthropic({
    apiKey: "test",
    baseURL: "http://127.0.0.1",
    maxRetries: 0,
    fetch: async (_url, init) => answer(String(init?.body)),
  });
}
const stream = (text: string) => new Response(text, { headers: { "content-type": "text/event-stream" } });
const PARAMS = { model: "m", max_tokens: 10, messages: [{ role: "user" as const, content: "hi" }] };
const START: ReplyEvent = { type: "start", id: "c", model: "gpt-x", created: 1, usage: null };
const text = (value: string): ReplyEvent => ({ type: "text", choice: 0, text: value });

function rendered(events: readonly ReplyEvent[]): string {
  const renderer = anthropicMessages.openRenderer(testContext());
  return events.map((event) => renderer.push(event)).join("") + renderer.end();
}

describe("Anthropic's SDK", () => {
  it("puts a translated stream together: thinking, text and two interleaved tool calls", async () => {
    const events: ReplyEvent[] = [
      START,
      { type: "reasoning", choice: 0, text: "hm" },
      text("Let me "),
      text("look."),
      { type: "tool_call", choice: 0, index: 0, id: "call_a", name: "f" },
      { type: "tool_arguments", choice: 0, index: 0, text: '{"a":' },
      { type: "tool_call", choice: 0, index: 1, id: "call_b", name: "g" },
      { type: "tool_arguments", choice: 0, index: 1, text: "{}" },
      { type: "tool_arguments", choice: 0, index: 0, text: "1}" },
      { type: "finish", choice: 0, reason: "stop", stopSequence: null },
      { type: "usage", usage: { inputTokens: 40, cachedInputTokens: 10, outputTokens: 6 } },
      { type: "end" },
    ];
    const beat = new TextDecoder().decode(anthropicMessages.heartbeat);
    const message = await client(() => stream(beat + rendered(events)))
      .messages.stream(PARAMS)
      .finalMessage();
    expect(message).toMatchObject({
      id: "msg_call_01test",
      model: "gpt-x",
      stop_reason: "tool_use",
      content: [
        { type: "thinking", thinking: "hm", signature: "" },
        { type: "text", text: "Let me look." },
        { type: "tool_use", id: "call_a", name: "f", input: { a: 1 } },
        { type: "tool_use", id: "call_b", name: "g", input: {} },
      ],
      usage: { input_tokens: 30, cache_read_input_tokens: 10, output_tokens: 6 },
    });
  });

  it.each(["text", "tool-use", "thinking", "server-tool"] as const)(
    "reads the same message from a %s stream, passed through and translated",
    async (name) => {
      const pass = anthropicMessages.passStream(testContext());
      const passed = [...pass.push(new TextEncoder().encode(RECORDED[name])), ...pass.flush(), ...pass.end()]
        .map((bytes) => new TextDecoder().decode(bytes))
        .join("");
      const direct = await client(() => stream(RECORDED[name]))
        .messages.stream(PARAMS)
        .finalMessage();
      expect(
        await client(() => stream(passed))
          .messages.stream(PARAMS)
          .finalMessage(),
      ).toEqual(direct);
      const reader = openMessagesReader(testRequest());
      const translated = rendered(reader.push(new TextEncoder().encode(RECORDED[name])));
      const message = await client(() => stream(translated))
        .messages.stream(PARAMS)
        .finalMessage();
      const words = (blocks: typeof message.content) =>
        blocks.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("");
      expect(words(message.content)).toBe(words(direct.content));
      expect(message.stop_reason).toBe(direct.stop_reason);
      expect(message.usage.output_tokens).toBe(direct.usage.output_tokens);
    },
  );

  it("raises an error that comes inside a stream, with its type and our code", async () => {
    const renderer = anthropicMessages.openRenderer(testContext());
    const error = new RouteletError({
      kind: "rate_limited",
      code: "backend_busy",
      message: "Busy. Try again.",
      status: 529,
    });
    const broken = renderer.push(START) + renderer.push(text("a")) + renderer.fail(error);
    await expect(
      client(() => stream(broken))
        .messages.stream(PARAMS)
        .finalMessage(),
    ).rejects.toMatchObject({
      type: "overloaded_error",
      errorCode: "backend_busy",
    });
  });

  it("raises an error that comes instead of a reply, by its class", async () => {
    const error = new RouteletError({
      kind: "not_found",
      code: "model_not_found",
      message: "No such model.",
    });
    await expect(
      client(() => anthropicMessages.renderError(error)).messages.create(PARAMS),
    ).rejects.toBeInstanceOf(Anthropic.NotFoundError);
  });

  it("sends what `parse` reads", async () => {
    let sent = "";
    const api = client((body) => {
      sent = body;
      return new Response(
        anthropicMessages.renderReply(
          { id: null, model: "m", created: null, choices: [], usage: null, serviceTier: null },
          testContext(),
        ),
        { headers: { "content-type": "application/json" } },
      );
    });
    const message = await api.messages.create({ ...PARAMS, system: "s", stop_sequences: ["END"] });
    expect(message.content).toEqual([]);
    expect(anthropicMessages.parse(new TextEncoder().encode(sent)).request?.()).toMatchObject({
      messages: [{ role: "system" }, { role: "user" }],
      stop: ["END"],
      nativeOnly: [],
    });
  });
});
