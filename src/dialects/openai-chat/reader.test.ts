import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ReplyEvent } from "../reply.ts";
import { openAiChatBackend } from "./backend.ts";
import { chunk, DONE, event, pieces, ROLE, STREAM, USAGE, USAGE_CHUNK } from "./fixtures/chat.ts";
import { testRequest } from "./fixtures/request.ts";
import { AZURE_STREAM, HEALTHY_STREAMS } from "./fixtures/server-streams.ts";

function read(text: string, size = 10_000, request = testRequest()) {
  const reader = openAiChatBackend.openReader(request);
  const events = pieces(text, size).flatMap((piece) => reader.push(piece));
  events.push(...reader.end());
  return { events, malformedEvents: reader.malformedEvents, finishReasons: [...reader.finishReasons] };
}

const types = (events: readonly ReplyEvent[]) => events.map(({ type }) => type);
const of = <Type extends ReplyEvent["type"]>(events: readonly ReplyEvent[], type: Type) =>
  events.filter((found): found is Extract<ReplyEvent, { type: Type }> => found.type === type);
const START = { type: "start", id: "c1", model: "m1", created: null, usage: null };
const finish = (reason: string, choice = 0) => ({ type: "finish", choice, reason, stopSequence: null });
const END = { type: "end" };
const calls = (...list: object[]) => chunk({ tool_calls: list });

describe("the reader of chat streams", () => {
  it("reads text, usage and the end", () => {
    expect(read(STREAM)).toEqual({
      events: [
        START,
        { type: "text", choice: 0, text: "Hé" },
        finish("stop"),
        { type: "usage", usage: { inputTokens: 11, cachedInputTokens: 4, outputTokens: 3 } },
        END,
      ],
      malformedEvents: 0,
      finishReasons: ["stop"],
    });
  });

  it.each(["reasoning_content", "reasoning"])("reads thoughts from %s (trap 15)", (field) => {
    const { events } = read(`${ROLE}${chunk({ [field]: "hm" })}${chunk({ content: "yes" }, "stop")}${DONE}`);
    expect(events.slice(1, 3)).toEqual([
      { type: "reasoning", choice: 0, text: "hm" },
      { type: "text", choice: 0, text: "yes" },
    ]);
  });

  it("reads the function call that came before tools", () => {
    const legacy = (details: object) => chunk({ function_call: details });
    const { events } = read(
      `${ROLE}${legacy({ name: "f", arguments: "" })}${legacy({ arguments: '{"a":' })}${legacy({ arguments: "1}" })}${chunk({}, "function_call")}${DONE}`,
    );
    expect(of(events, "tool_call")).toMatchObject([{ index: 0, name: "f" }]);
    expect(
      of(events, "tool_arguments")
        .map((event) => event.text)
        .join(""),
    ).toBe('{"a":1}');
    expect(of(events, "finish")).toMatchObject([{ reason: "tool_calls" }]);
  });

  it("reads thoughts once where a server sends them under both names", () => {
    const { events } = read(`${chunk({ reasoning_content: "hm", reasoning: "hm" })}`);
    expect(of(events, "reasoning")).toHaveLength(1);
  });

  it("reads Mistral's lists of parts", () => {
    const content = [
      {
        type: "thinking",
        thinking: [
          { type: "text", text: "h" },
          { type: "text", text: "m" },
        ],
      },
      { type: "text", text: "yes" },
      { type: "reference", reference_ids: [1] },
    ];
    expect(read(chunk({ content })).events.slice(1)).toEqual([
      { type: "reasoning", choice: 0, text: "hm" },
      { type: "text", choice: 0, text: "yes" },
    ]);
  });

  it("reads refusals, log-probabilities and several choices", () => {
    const logprob = { token: "a", logprob: -0.5, bytes: [97], top_logprobs: [] };
    const text = [
      chunk({ refusal: "no" }),
      event({
        id: "c1",
        model: "m1",
        choices: [
          { index: 1, delta: { content: "a" }, logprobs: { content: [logprob] }, finish_reason: "length" },
        ],
      }),
      chunk({}, "stop"),
      DONE,
    ].join("");
    expect(read(text).events).toEqual([
      START,
      { type: "refusal", choice: 0, text: "no" },
      { type: "text", choice: 1, text: "a", logprobs: [logprob] },
      finish("length", 1),
      finish("stop"),
      END,
    ]);
  });

  it("mends tool calls: indices, ids, arguments and the end (traps 11, 12, 16)", () => {
    const text = [
      ROLE,
      calls({ index: 0, function: { name: "f", arguments: '{"a":1}' } }),
      calls({ index: 0, function: { name: "g" } }),
      chunk({}, "stop"),
      DONE,
    ].join("");
    const { events } = read(text);
    const [first, second] = of(events, "tool_call");
    expect([first?.index, second?.index]).toEqual([0, 1]);
    expect(first?.id).toMatch(/^call_.{5,35}$/);
    expect(second?.id).not.toBe(first?.id);
    expect(of(events, "tool_arguments").map((given) => [given.index, given.text])).toEqual([
      [0, '{"a":1}'],
      [1, "{}"],
    ]);
    expect(events.slice(-2)).toEqual([finish("tool_calls"), END]);
  });

  it("gives tool names back as the client wrote them", () => {
    const request = testRequest({
      tools: [{ name: "files.read", description: null, parameters: null, strict: null }],
    });
    const sent = JSON.parse(openAiChatBackend.renderRequest(request, { model: "m", stream: true }));
    const name = sent.tools[0].function.name;
    const { events } = read(
      calls({ index: 0, id: "t", function: { name, arguments: "{}" } }),
      10_000,
      request,
    );
    expect(name).not.toBe("files.read");
    expect(of(events, "tool_call")[0]?.name).toBe("files.read");
  });

  it("takes usage wherever it comes, never for the end, and the last one holds (trap 7)", () => {
    const withUsage = (delta: object, tokens: number, reason: string | null = null) =>
      chunk(delta, reason, { usage: { ...USAGE, completion_tokens: tokens } });
    const text = `${USAGE_CHUNK}${withUsage({ content: "a" }, 7)}${withUsage({ content: "b" }, 8)}${chunk({}, "stop", { usage: null })}${DONE}`;
    const { events } = read(text);
    expect(types(events)).toEqual(["start", "usage", "text", "usage", "text", "usage", "finish", "end"]);
    expect(of(events, "usage").at(-1)?.usage.outputTokens).toBe(8);
  });

  it("begins with the first chunk that has an id or a choice", () => {
    const { events } = read(AZURE_STREAM);
    expect(events[0]).toMatchObject({ type: "start", id: "chatcmpl-9", created: 1_760_000_000 });
    expect(of(events, "start")).toHaveLength(1);
  });

  it("gives no end where the backend gave none (trap 19)", () => {
    expect(types(read(`${ROLE}${chunk({ content: "a" })}`).events)).toEqual(["start", "text"]);
    const choice = (index: number, reason: string | null) =>
      event({ id: "c1", choices: [{ index, delta: { content: "x" }, finish_reason: reason }] });
    expect(types(read(choice(0, "stop") + choice(1, null)).events)).not.toContain("end");
  });

  it("takes a given reason for an end without [DONE], and an end for a reason", () => {
    expect(read(`${ROLE}${chunk({ content: "a" }, "stop")}`).events.at(-1)).toEqual(END);
    const { events, finishReasons } = read(`${ROLE}${chunk({ content: "a" })}${DONE}`);
    expect(events.slice(-2)).toEqual([finish("stop"), END]);
    expect(finishReasons).toEqual(["stop"]);
  });

  it("reads a last event that the end of the bytes cut off (trap 1)", () => {
    expect(read(`${ROLE}${chunk({ content: "a" }, "stop")}data: [DONE]`).events.at(-1)).toEqual(END);
  });

  it("takes a proper end without a word for a failure", () => {
    expect(read(`${ROLE}${DONE}`).events.at(-1)).toMatchObject({
      type: "error",
      error: { code: "upstream_incomplete", retryable: true },
    });
  });

  it("gives an error in the stream as one, and nothing after it (trap 18)", () => {
    const { events } = read(
      `${ROLE}${event({ error: { message: "x", code: 429 } })}${chunk({ content: "a" })}${DONE}`,
    );
    expect(types(events)).toEqual(["start", "error"]);
    expect(of(events, "error")[0]?.error).toMatchObject({ kind: "rate_limited", status: 429 });
  });

  it("reads nothing after the terminator (trap 4)", () => {
    expect(read(`${STREAM}${DONE}${chunk({ content: "late" })}`).events).toEqual(read(STREAM).events);
  });

  it("counts and skips what is no chunk (trap 19)", () => {
    const { events, malformedEvents } = read(`data: {"a\n\n${STREAM}`);
    expect(malformedEvents).toBe(1);
    expect(events).toEqual(read(STREAM).events);
  });

  it("keeps the backend's own word for the end where it means more", () => {
    const { events, finishReasons } = read(`${ROLE}${chunk({ content: "a" }, "model_length")}${DONE}`);
    expect(of(events, "finish")[0]?.reason).toBe("context_length");
    expect(finishReasons).toEqual(["model_length"]);
  });

  /** A call of a function came without an id; the reader's is unlike all others. */
  const withoutMadeUpIds = ({ events, ...rest }: ReturnType<typeof read>) => ({
    ...rest,
    events: events.map((event) =>
      event.type === "tool_call" ? { ...event, id: event.id.replace(/^call_[0-9a-f]{8,}_/, "") } : event,
    ),
  });
  const streams = [STREAM, AZURE_STREAM, ...Object.values(HEALTHY_STREAMS)];

  it("gives the same events however the stream is chunked", () => {
    fc.assert(
      fc.property(fc.constantFrom(...streams), fc.integer({ min: 1, max: 300 }), (text, size) => {
        expect(withoutMadeUpIds(read(text, size))).toEqual(withoutMadeUpIds(read(text)));
      }),
    );
  });

  it("keeps what ReplyEvent promises on mutated streams", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...streams),
        fc.array(
          fc.record({
            at: fc.double({ min: 0, max: 1, noNaN: true }),
            cut: fc.nat(30),
            insert: fc.oneof(
              fc.string({ maxLength: 8 }),
              fc.constantFrom(
                "null",
                "{}",
                '"id":"z",',
                "\n\n",
                '"index":0,',
                '"finish_reason":"stop",',
                "[DONE]",
              ),
            ),
          }),
          { maxLength: 5 },
        ),
        fc.integer({ min: 1, max: 400 }),
        (healthy, mutations, size) => {
          const text = mutations.reduce((before, { at, cut, insert }) => {
            const from = Math.floor(at * before.length);
            return before.slice(0, from) + insert + before.slice(from + cut);
          }, healthy);
          const { events } = read(text, size);
          expectPromises(events);
        },
      ),
      { numRuns: 500 },
    );
  });
});

/** `start` first and once; calls begun before their arguments, indices without gaps; one `finish` per choice; `end` last. */
function expectPromises(events: readonly ReplyEvent[]): void {
  const finished = new Set<number>();
  const begun = new Map<number, number>();
  const ids = new Set<string>();
  for (const [at, found] of events.entries()) {
    if (found.type === "start") expect(at).toBe(0);
    else if (found.type !== "error") expect(events[0]?.type).toBe("start");
    if (found.type === "end" || found.type === "error") expect(at).toBe(events.length - 1);
    if (found.type === "finish") {
      expect(finished.has(found.choice)).toBe(false);
      finished.add(found.choice);
    }
    if (found.type === "tool_call") {
      const count = begun.get(found.choice) ?? 0;
      expect(found.index).toBe(count);
      expect(found.name).not.toBe("");
      expect(ids.has(`${found.choice} ${found.id}`)).toBe(false);
      ids.add(`${found.choice} ${found.id}`);
      begun.set(found.choice, count + 1);
    }
    if (found.type === "tool_arguments") expect(found.index).toBeLessThan(begun.get(found.choice) ?? 0);
  }
}
