import { describe, expect, it } from "vitest";
import type { ClientDialect, RenderContext } from "./dialect.ts";
import { readReleased } from "./read-released.ts";
import { CLIENT_DIALECTS } from "./registry.ts";
import type { Reply, ReplyChoice } from "./reply.ts";
import { replyEvents } from "./reply-events.ts";

const TOOL = { type: "tool_call", id: "call_1", name: "weather", arguments: '{"city":"Bern"}' } as const;
const REPLIES: [string, ReplyChoice["parts"], ReplyChoice["finish"]][] = [
  ["words", [{ type: "text", text: "Hello there." }], "stop"],
  ["a tool call after words", [{ type: "text", text: "Looking." }, TOOL], "tool_calls"],
  ["an answer that was cut", [{ type: "text", text: "Once upon" }], "length"],
];
const BODIES: Record<string, object> = {
  "openai-chat": { messages: [{ role: "user", content: "hi" }] },
  "openai-responses": { input: "hi" },
  "anthropic-messages": { messages: [{ role: "user", content: "hi" }], max_tokens: 9 },
};
const TOOLS: Record<string, object> = {
  "openai-chat": { type: "function", function: { name: "weather", parameters: { type: "object" } } },
  "openai-responses": { type: "function", name: "weather", parameters: { type: "object" } },
  "anthropic-messages": { name: "weather", input_schema: { type: "object" } },
};

const reply = (parts: ReplyChoice["parts"], finish: ReplyChoice["finish"]): Reply => ({
  id: "r1",
  model: "m",
  created: 1,
  choices: [{ index: 0, parts, finish, stopSequence: null, logprobs: null }],
  usage: { inputTokens: 1, cachedInputTokens: 0, outputTokens: 1 },
  serviceTier: null,
});

function contextOf(client: ClientDialect, stream: boolean): RenderContext {
  const body = { model: "m", stream, ...BODIES[client.name], tools: [TOOLS[client.name]] };
  const call = client.parse(new TextEncoder().encode(JSON.stringify(body)));
  return { call, callId: "call_01", renameModel: null, estimatedInputTokens: 1, now: 0 };
}

function released(client: ClientDialect, context: RenderContext, sent: Reply): Uint8Array {
  if (!context.call.stream) return client.renderReply(sent, context);
  const renderer = client.openRenderer(context);
  const text =
    replyEvents(sent)
      .map((event) => renderer.push(event))
      .join("") + renderer.end();
  return new TextEncoder().encode(text);
}

const SPOKEN = CLIENT_DIALECTS.filter(({ name }) => name in BODIES);

describe.each(
  SPOKEN.flatMap((client) => [false, true].map((stream) => ({ client, stream, name: client.name }))),
)("a kept reply of $name, streamed: $stream", ({ client, stream }) => {
  const context = contextOf(client, stream);
  const request = context.call.request?.();
  if (request === undefined) throw new Error("no internal form");
  const read = (bytes: Uint8Array) =>
    readReleased({ dialect: client.name, streamed: stream, request, bytes });

  it.each(REPLIES)("reads as %s", (_what, parts, finish) => {
    const choices = read(released(client, context, reply(parts, finish)));
    expect(choices).toMatchObject([{ index: 0, parts, finish }]);
  });

  it("that was cut, or is an error, is none", async () => {
    const bytes = released(client, context, reply([TOOL], "tool_calls"));
    expect(read(bytes.slice(0, bytes.length >> 1))).toBeNull();
    expect(read(new TextEncoder().encode('{"error":{"message":"no"}}'))).toBeNull();
    expect(read(new Uint8Array(0))).toBeNull();
  });
});
