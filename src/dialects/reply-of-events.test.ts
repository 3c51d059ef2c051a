import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anthropicMessagesBackend } from "./anthropic-messages/backend.ts";
import { emptyRequest, type OutputPart } from "./model-request.ts";
import { openAiChatBackend } from "./openai-chat/backend.ts";
import type { Reply } from "./reply.ts";
import { replyEvents } from "./reply-events.ts";
import { beginsAsEvents, readWholeReply, replyOfEvents } from "./reply-of-events.ts";

const encode = (text: string) => new TextEncoder().encode(text);

const word = fc.string({ minLength: 1, maxLength: 8 });
const reasoning = { type: "reasoning", signature: null, redacted: null, origin: "openai-chat" } as const;
const part = fc.oneof(
  word.map((text): OutputPart => ({ type: "text", text })),
  word.map((text): OutputPart => ({ type: "refusal", text })),
  word.map((text): OutputPart => ({ ...reasoning, text })),
  word.map((text): OutputPart => ({ ...reasoning, text, signature: "s", origin: "anthropic-messages" })),
  word.map((redacted): OutputPart => ({ ...reasoning, text: "", redacted, origin: "anthropic-messages" })),
  fc
    .record({ id: word, name: word })
    .map((call): OutputPart => ({ type: "tool_call", ...call, arguments: "{}" })),
);
/** Two parts of one kind beside each other are one when they are streamed. */
const parts = fc
  .array(part, { minLength: 1, maxLength: 6 })
  .filter((all) =>
    all.every(({ type }, at) => at === 0 || type === "tool_call" || type !== all[at - 1]?.type),
  );
const reply = fc.array(parts, { minLength: 1, maxLength: 3 }).map(
  (choices): Reply => ({
    id: "r",
    model: "m",
    created: 1,
    choices: choices.map((said, index) => ({
      index,
      parts: said,
      finish: "stop",
      stopSequence: null,
      logprobs: null,
    })),
    usage: { inputTokens: 1, cachedInputTokens: 0, outputTokens: 2 },
    serviceTier: null,
  }),
);

describe("replyOfEvents", () => {
  it("makes of a reply's events the reply again", () => {
    fc.assert(
      fc.property(reply, (whole) => {
        expect(replyOfEvents(replyEvents(whole), "openai-chat")).toEqual(whole);
      }),
    );
  });

  it("keeps log-probabilities in order", () => {
    const token = (text: string) => [{ token: text, logprob: -1, bytes: null, top_logprobs: [] }];
    const events = ["a", "b"].map(
      (text) => ({ type: "text", choice: 0, text, logprobs: token(text) }) as const,
    );
    const [choice] = replyOfEvents(events, "openai-chat").choices;
    expect(choice?.logprobs?.map(({ token: text }) => text)).toEqual(["a", "b"]);
  });
});

describe("beginsAsEvents", () => {
  it.each([
    ["data: {}\n\n", true],
    ["\uFEFF\n event: x\n", true],
    [": ping\n\n", true],
    ['{"data": 1}', false],
    ["", false],
    ["database", false],
  ])("of %j is %s", (text, expected) => {
    expect(beginsAsEvents(encode(text))).toBe(expected);
  });
});

const chunk = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: "c", model: "m", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const read = (text: string) => readWholeReply(openAiChatBackend, encode(text), emptyRequest());

describe("a stream that nobody asked for", () => {
  it("is read whole, also without its terminator", () => {
    const text = chunk({ role: "assistant", content: "a" }) + chunk({ content: "b" }) + chunk({}, "stop");
    expect(read(text).choices[0]).toMatchObject({ parts: [{ type: "text", text: "ab" }], finish: "stop" });
    expect(read(`${text}data: [DONE]\n\n`)).toEqual(read(text));
  });

  it("has failed where it breaks off, or says so", () => {
    expect(() => read(chunk({ content: "a" }))).toThrow(
      expect.objectContaining({ code: "upstream_incomplete" }),
    );
    expect(() => read('data: {"error":{"message":"no"}}\n\n')).toThrow(
      expect.objectContaining({ code: "upstream_error" }),
    );
    expect(() => readWholeReply(anthropicMessagesBackend, encode(": ping\n\n"), emptyRequest())).toThrow(
      expect.objectContaining({ code: "upstream_incomplete" }),
    );
  });
});
