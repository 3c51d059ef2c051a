import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RouteletError } from "../../errors.ts";
import type { ReplyEvent } from "../reply.ts";
import { openAiChatBackend } from "./backend.ts";
import { chunks, deltas, encode, functionsContext, passed, reasons, testContext } from "./fixtures/chat.ts";
import { testRequest } from "./fixtures/request.ts";
import { openChatRenderer } from "./render-stream.ts";

const START: ReplyEvent = { type: "start", id: "msg_1", model: "claude", created: 7, usage: null };
const USAGE = { inputTokens: 9, cachedInputTokens: 4, outputTokens: 3, reasoningTokens: 1 };
const finish = (reason: Extract<ReplyEvent, { type: "finish" }>["reason"], choice = 0): ReplyEvent => ({
  type: "finish",
  choice,
  reason,
  stopSequence: null,
});

function render(events: readonly ReplyEvent[], options: Parameters<typeof testContext>[0] = {}): string {
  const renderer = openChatRenderer(testContext(options));
  return events.map((event) => renderer.push(event)).join("") + renderer.end();
}

const REPLY: ReplyEvent[] = [
  START,
  { type: "reasoning", choice: 0, text: "hm" },
  { type: "reasoning_signature", choice: 0, signature: "s", origin: "anthropic-messages" },
  { type: "redacted_reasoning", choice: 0, data: "d", origin: "anthropic-messages" },
  { type: "text", choice: 0, text: "yes" },
  { type: "tool_call", choice: 0, index: 0, id: "toolu_1", name: "f" },
  { type: "tool_arguments", choice: 0, index: 0, text: '{"a":' },
  { type: "tool_arguments", choice: 0, index: 0, text: "1}" },
  finish("tool_calls"),
  { type: "usage", usage: USAGE },
  { type: "end" },
];

describe("openChatRenderer", () => {
  it("calls the one function of a caller that knows no tools", () => {
    const renderer = openChatRenderer(functionsContext());
    const second: ReplyEvent = { type: "tool_call", choice: 0, index: 1, id: "toolu_2", name: "g" };
    const out = [...REPLY.slice(0, 8), second, ...REPLY.slice(8)]
      .map((event) => renderer.push(event))
      .join("");
    const calls = deltas(out).flatMap(({ function_call }) => function_call ?? []);
    expect(calls).toEqual([{ name: "f", arguments: "" }, { arguments: '{"a":' }, { arguments: "1}" }]);
    expect(out).not.toContain("tool_calls");
    expect(reasons(out).at(-1)).toBe("function_call");
  });

  it("renders a turn as OpenAI's chunks", () => {
    const out = render(REPLY);
    expect(deltas(out)).toEqual([
      { role: "assistant", reasoning_content: "hm" },
      { content: "yes" },
      { tool_calls: [{ index: 0, id: "toolu_1", type: "function", function: { name: "f", arguments: "" } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"a":' } }] },
      { tool_calls: [{ index: 0, function: { arguments: "1}" } }] },
      {},
    ]);
    expect(reasons(out)).toEqual([null, null, null, null, null, "tool_calls"]);
    for (const chunk of chunks(out))
      expect(chunk).toMatchObject({
        id: "chatcmpl-call_01",
        object: "chat.completion.chunk",
        created: 7,
        model: "claude",
      });
    expect(out.match(/\[DONE\]/g)).toHaveLength(1);
    expect(out.endsWith("data: [DONE]\n\n")).toBe(true);
  });

  it("gives usage in a last chunk, cached and reasoning tokens within their sums (traps 6 and 8)", () => {
    const read = chunks(render(REPLY));
    expect(read.at(-1)).toMatchObject({
      choices: [],
      usage: {
        prompt_tokens: 9,
        completion_tokens: 3,
        total_tokens: 12,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 1 },
      },
    });
    expect(read.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
  });

  it("gives no usage to a client that did not ask", () => {
    expect(render(REPLY, { includeUsage: false })).not.toContain("usage");
  });

  it("shows the requested model where a key's setting asks for it", () => {
    expect(chunks(render(REPLY, { renameModel: "mine" })).every(({ model }) => model === "mine")).toBe(true);
  });

  it("begins each choice with its role", () => {
    const out = render([
      START,
      { type: "text", choice: 1, text: "b" },
      { type: "text", choice: 0, text: "a" },
      finish("stop", 1),
      finish("refusal", 0),
    ]);
    expect(deltas(out).slice(0, 2)).toEqual([
      { role: "assistant", content: "b" },
      { role: "assistant", content: "a" },
    ]);
    expect(reasons(out).slice(2)).toEqual(["stop", "content_filter"]);
  });

  it("ends with the error and no terminator (traps 4 and 18)", () => {
    const renderer = openChatRenderer(testContext());
    renderer.push(START);
    const out = renderer.fail(new RouteletError({ kind: "upstream", code: "broke", message: "It broke." }));
    expect(out).toBe(
      'data: {"error":{"message":"It broke.","type":"api_error","param":null,"code":"broke"}}\n\n',
    );
  });

  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 10 });
  const part = fc.oneof(
    text.map((value): ReplyEvent[] => [{ type: "text", choice: 0, text: value }]),
    text.map((value): ReplyEvent[] => [{ type: "reasoning", choice: 0, text: value }]),
    text.map((value): ReplyEvent[] => [{ type: "refusal", choice: 0, text: value }]),
  );
  const call = fc.tuple(fc.json(), fc.integer({ min: 1, max: 6 }));
  const turn = fc
    .tuple(fc.array(part, { maxLength: 6 }), fc.array(call, { maxLength: 3 }))
    .map(([parts, calls]): ReplyEvent[] => [
      START,
      ...parts.flat(),
      ...calls.flatMap(([given, size], index): ReplyEvent[] => [
        { type: "tool_call", choice: 0, index, id: `t${index}`, name: "f" },
        ...(given.match(new RegExp(`.{1,${size}}`, "gsu")) ?? []).map(
          (piece): ReplyEvent => ({ type: "tool_arguments", choice: 0, index, text: piece }),
        ),
      ]),
      finish(calls.length > 0 ? "tool_calls" : "stop"),
      { type: "usage", usage: USAGE },
      { type: "end" },
    ]);

  it("writes what its own reader reads again, and in which nothing is to be mended", () => {
    fc.assert(
      fc.property(turn, (events) => {
        const out = render(events);
        const reader = openAiChatBackend.openReader(testRequest());
        const expected = events.map((event) =>
          event.type === "start" ? { ...event, id: "chatcmpl-call_01" } : event,
        );
        expect([...reader.push(encode(out)), ...reader.end()]).toEqual(expected);
        expect(passed(out).out).toBe(out);
      }),
    );
  });
});
