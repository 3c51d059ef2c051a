import { describe, expect, it } from "vitest";
import { anthropicMessages } from "./anthropic-messages/client.ts";
import type { ClientDialect, RenderContext } from "./dialect.ts";
import { openAiChat } from "./openai-chat/client.ts";
import { openAiResponses } from "./openai-responses/client.ts";
import { passResponseStream } from "./openai-responses/pass-stream.ts";
import { backendDialect } from "./registry.ts";
import { MAX_PENDING_BYTES } from "./sse-blocks.ts";
import { translateStream } from "./translate.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (pieces: readonly Uint8Array[]) =>
  pieces.map((piece) => new TextDecoder().decode(piece)).join("");

function contextOf(client: ClientDialect): RenderContext {
  const body = {
    model: "m",
    stream: true,
    input: "x",
    messages: [{ role: "user", content: "x" }],
    max_tokens: 9,
  };
  const { input: _input, ...chat } = body;
  const { messages: _messages, max_tokens: _max, ...responses } = body;
  return {
    call: client.parse(
      encode(JSON.stringify(client.name === "openai-responses" ? { ...responses, store: false } : chat)),
    ),
    callId: "call_1",
    renameModel: null,
    estimatedInputTokens: 1,
    now: 0,
  };
}

const chatChunk = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;

/** A stream as the network brings it: in pieces of 64 KiB. */
function translated(client: ClientDialect, text: string) {
  const backend = backendDialect("openai-chat");
  const context = contextOf(client);
  const request = context.call.request?.();
  if (backend === null || request === undefined) throw new Error("not translated");
  const stream = translateStream({ backend, client, request, context });
  const bytes = encode(text);
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 65_536) out.push(...stream.push(bytes.subarray(at, at + 65_536)));
  out.push(...stream.flush());
  return { facts: stream.facts, out: decode(out) };
}

const LARGE = "x".repeat(3 * 1024 * 1024);

describe("an event of several MiB", () => {
  it.each([
    ["chat", openAiChat],
    ["responses", openAiResponses],
    ["messages", anthropicMessages],
  ] as const)("reaches a client of the %s dialect whole", (_name, client) => {
    const { out, facts } = translated(
      client,
      `${chatChunk({ role: "assistant", content: LARGE })}${chatChunk({}, "stop")}data: [DONE]\n\n`,
    );
    expect(facts).toMatchObject({ complete: true, inBandError: null });
    expect(out).toContain(LARGE);
  });

  it("ends a native response whose last event it is", () => {
    const stream = passResponseStream(contextOf(openAiResponses));
    const response = {
      id: "resp_1",
      object: "response",
      status: "completed",
      model: "m",
      output: [{ text: LARGE }],
    };
    const event = `event: response.completed\ndata: ${JSON.stringify({ type: "response.completed", response })}\n\n`;
    expect(decode(stream.push(encode(event)))).toBe(event);
    expect(stream.facts).toMatchObject({ complete: true, terminated: true });
    expect(stream.reply?.()).toMatchObject({ id: "resp_1" });
  });
});

describe("an event that is too long to be read", () => {
  it("fails a translated reply: its content must not be lost without a word", () => {
    const { facts } = translated(
      anthropicMessages,
      `${chatChunk({ role: "assistant", content: "x".repeat(MAX_PENDING_BYTES + 100_000) })}${chatChunk({}, "stop")}data: [DONE]\n\n`,
    );
    expect(facts.inBandError).toMatchObject({ code: "upstream_event_too_long" });
    expect(facts.complete).toBe(false);
  });
});
