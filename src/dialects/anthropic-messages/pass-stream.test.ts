import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RenderContext } from "../dialect.ts";
import { checkStream } from "./fixtures/check-stream.ts";
import { decode, encode, testContext } from "./fixtures/context.ts";
import { RECORDED } from "./fixtures/recorded.ts";
import { passMessagesStream } from "./pass-stream.ts";
import { passWholeMessage } from "./pass-whole.ts";

const recorded = (name: keyof typeof RECORDED) => RECORDED[name];
const event = (data: { type: string; [more: string]: unknown }) =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
const start = (message: object = {}) =>
  event({
    type: "message_start",
    message: {
      id: "msg_1",
      model: "m1",
      content: [],
      usage: { input_tokens: 5, output_tokens: 1 },
      ...message,
    },
  });
const BLOCK = event({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } });
const delta = (text: string) =>
  event({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } });
const STOP_BLOCK = event({ type: "content_block_stop", index: 0 });
const END = event({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 3 } });
const STOP = event({ type: "message_stop" });

function run(text: string, context: Partial<RenderContext> = {}, size = 10_000) {
  const stream = passMessagesStream(testContext(context));
  const bytes = encode(text);
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(...stream.push(bytes.subarray(at, at + size)));
  out.push(...stream.flush());
  return { facts: stream.facts, out: decode(out), closing: decode(stream.end()) };
}

describe("passMessagesStream", () => {
  it.each(["text", "tool-use", "thinking", "server-tool"] as const)(
    "passes the bytes of a recorded %s stream as they came",
    (name) => {
      const { out, closing, facts } = run(recorded(name));
      expect(out).toBe(recorded(name));
      expect(closing).toBe("");
      expect(facts).toMatchObject({ committed: true, complete: true, terminated: true, malformedEvents: 0 });
    },
  );

  it("reads id, model, usage with the cache's tokens, and the reason on the side", () => {
    expect(run(recorded("tool-use")).facts).toMatchObject({
      id: "msg_014p7gG3wDgGV9EUtLvnow3U",
      model: "claude-opus-4-8",
      finishReasons: ["tool_use"],
      usage: { inputTokens: 2572, cachedInputTokens: 2000, cacheWriteTokens: 100, outputTokens: 89 },
    });
    expect(run(recorded("thinking")).facts.usage).toMatchObject({ outputTokens: 200, reasoningTokens: 150 });
  });

  it("takes the last of the cumulative counts, and no 0 for more than it is", () => {
    const last = (usage: object) =>
      event({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage });
    expect(run(`${start()}${last({ input_tokens: 90, output_tokens: 3 })}`).facts.usage?.inputTokens).toBe(
      90,
    );
    expect(run(`${start()}${last({ input_tokens: 0, output_tokens: 3 })}`).facts.usage?.inputTokens).toBe(5);
  });

  const toolStart = { type: "tool_use", id: "t", name: "f", input: {} };
  it.each([
    ["message_start", start(), false],
    ["ping", event({ type: "ping" }), false],
    ["an empty text block", BLOCK, false],
    ["an empty delta", delta(""), false],
    ["a text delta", delta("x"), true],
    [
      "thinking",
      event({ type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "h" } }),
      true,
    ],
    ["a tool's start", event({ type: "content_block_start", index: 0, content_block: toolStart }), true],
    ["the end of an empty reply", END, true],
  ])("%s commits: %#", (_name, text, committed) => {
    expect(run(text).facts.committed).toBe(committed);
  });

  it("holds an error inside the stream back, for another attempt or for `fail`", () => {
    const broken = event({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } });
    const { facts, out } = run(`${start()}${broken}${BLOCK}`);
    expect(out).toBe(start());
    expect(facts.inBandError).toMatchObject({ code: "backend_busy", status: 529, retryable: true });
    expect(facts.committed).toBe(false);
  });

  it("ends with the error in the client's dialect, and no message_stop", () => {
    const stream = passMessagesStream(testContext());
    const out = [...stream.push(encode(`${start()}${BLOCK}${delta("a")}`))];
    const { inBandError } = run(
      event({ type: "error", error: { type: "api_error", message: "broke" } }),
    ).facts;
    if (inBandError === null) throw new Error("no error was seen");
    out.push(...stream.fail(inBandError));
    expect(checkStream(decode(out))).toMatchObject({ end: null, error: { type: "api_error" } });
  });

  it("is not complete where the bytes end before a stop reason", () => {
    expect(run(`${start()}${BLOCK}${delta("a")}`).facts).toMatchObject({
      complete: false,
      terminated: false,
    });
  });

  it("adds the message_stop that a backend left out after its reason", () => {
    const { out, closing, facts } = run(`${start()}${BLOCK}${delta("a")}${STOP_BLOCK}${END}`);
    expect(facts).toMatchObject({ complete: true, terminated: false });
    expect(checkStream(out + closing).end?.delta).toMatchObject({ stop_reason: "end_turn" });
  });

  it("terminates a last event that has no blank line before it adds another", () => {
    const { out, closing } = run(`${start()}${BLOCK}${delta("a")}${STOP_BLOCK}${END.trimEnd()}`);
    expect(() => checkStream(out + closing)).not.toThrow();
  });

  it("leaves out a second message_start, and what follows the end", () => {
    const text = `${start()}${start()}${BLOCK}${delta("a")}${STOP_BLOCK}${END}${STOP}`;
    const { out } = run(`${text}${STOP}data: [DONE]\n\n${delta("late")}`);
    expect(out).toBe(text.replace(start() + start(), start()));
  });

  it("names an event that came without its name, since SDKs skip it otherwise", () => {
    const whole = `${start()}${BLOCK}${delta("a")}${STOP_BLOCK}${END}${STOP}`;
    const { out } = run(whole.replaceAll(/^event: .*\n/gm, ""));
    expect(out).toBe(whole);
  });

  it("counts an event that is no JSON and leaves it out, since SDKs throw on it", () => {
    const { out, facts } = run(`${start()}event: content_block_delta\ndata: {"type":\n\n${BLOCK}`);
    expect(out).toBe(start() + BLOCK);
    expect(facts.malformedEvents).toBe(1);
  });

  it.each([
    [{ usage: undefined }],
    [{ usage: { output_tokens: 1 } }],
    [{ usage: { input_tokens: 0, output_tokens: 0 } }],
  ])("estimates the input tokens of a message_start with %j", (message) => {
    const { out, facts } = run(`${start(message)}${END}${STOP}`);
    expect(checkStream(out).message.usage).toMatchObject({ input_tokens: 17 });
    // The ledger is never told the estimate: unknown stays unknown.
    expect(facts.usage).toBeNull();
  });

  it("does not mend a prompt that came from the cache in full", () => {
    const text = start({ usage: { input_tokens: 0, cache_read_input_tokens: 900, output_tokens: 1 } });
    expect(run(text).out).toBe(text);
  });

  it("renames the model where a key asks for the requested name, and changes nothing else", () => {
    const { out, facts } = run(recorded("text"), { renameModel: "auto" });
    expect(out).toBe(recorded("text").replace('"model":"claude-opus-4-8"', '"model":"auto"'));
    expect(facts.model).toBe("claude-opus-4-8");
  });

  it("gives the same bytes and facts however the stream is chunked", () => {
    const broken = recorded("tool-use").replace(
      "event: ping\ndata: {",
      ": comment\r\n\r\nevent: ping\r\ndata: {é",
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 90 }),
        fc.constantFrom(recorded("thinking"), broken),
        (size, text) => {
          expect(run(text, {}, size)).toEqual(run(text));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("survives any mutation of a stream without a throw, and never lets broken JSON through", () => {
    const text = recorded("tool-use");
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 5 }), fc.nat(30), (at, put, cut) => {
        const { out } = run(text.slice(0, at) + put + text.slice(at + cut));
        for (const line of out.split("\n"))
          if (line.startsWith("data: ")) expect(() => JSON.parse(line.slice(6))).not.toThrow();
      }),
      { numRuns: 300 },
    );
  });
});

describe("passWholeMessage", () => {
  const REPLY = {
    id: "msg_1",
    type: "message",
    model: "m1",
    content: [{ type: "text", text: "hi" }],
    stop_reason: "max_tokens",
    usage: { input_tokens: 2, cache_read_input_tokens: 3, output_tokens: 4 },
  };
  const pass = (body: unknown, context: Partial<RenderContext> = {}) =>
    passWholeMessage(encode(typeof body === "string" ? body : JSON.stringify(body)), testContext(context));

  it("passes the bytes and reads the facts", () => {
    const { body, facts } = pass(REPLY);
    expect(decode([body])).toBe(JSON.stringify(REPLY));
    expect(facts).toMatchObject({
      id: "msg_1",
      model: "m1",
      finishReasons: ["max_tokens"],
      usage: { inputTokens: 5, cachedInputTokens: 3, outputTokens: 4 },
      complete: true,
    });
  });

  it("renames the model", () => {
    expect(decode([pass(REPLY, { renameModel: "auto" }).body])).toBe(
      JSON.stringify(REPLY).replace('"m1"', '"auto"'),
    );
  });

  it("sees an error inside a 200, and a body that is no message", () => {
    expect(
      pass({ type: "error", error: { type: "api_error", message: "no" } }).facts.inBandError?.message,
    ).toContain("no");
    expect(pass("<html>").facts.malformedEvents).toBe(1);
    expect(pass({ choices: [] }).facts.malformedEvents).toBe(1);
  });
});

describe("what breaks the SDKs is mended", () => {
  const TOOL = {
    type: "content_block_start",
    index: 0,
    content_block: { type: "tool_use", id: "t1", name: "f", input: {} },
  };
  const sent = (text: string) =>
    decode([encode(run(text).out)])
      .split("\n\n")
      .filter((block) => block !== "")
      .map((block) => JSON.parse(block.slice(block.indexOf("data: ") + 6)));

  it("a reason without usage gets a count", () => {
    const bare = event({ type: "message_delta", delta: { stop_reason: "end_turn" } });
    const events = sent(start() + BLOCK + delta("hi") + STOP_BLOCK + bare + STOP);
    expect(events.at(-2)).toMatchObject({ type: "message_delta", usage: { output_tokens: 1 } });
  });

  it("a delta without its block's start gets one, and one of nothing known is left out", () => {
    expect(sent(start() + delta("hi") + STOP_BLOCK + END + STOP).map(({ type }) => type)).toEqual([
      "message_start",
      "content_block_start",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
    const lost = event({
      type: "content_block_delta",
      index: 4,
      delta: { type: "input_json_delta", partial_json: "{" },
    });
    const { out, facts } = run(start() + lost + END + STOP);
    expect(out).toBe(start() + END + STOP);
    expect(facts.malformedEvents).toBe(1);
  });

  it("a stream without a start gets one", () => {
    const [first, second] = sent(BLOCK + delta("hi") + STOP_BLOCK + END + STOP);
    expect(first).toMatchObject({ type: "message_start", message: { role: "assistant", content: [] } });
    expect(first.message.usage.input_tokens).toBeGreaterThan(0);
    expect(second).toMatchObject({ type: "content_block_start", index: 0 });
  });

  it("a stop without a reason gets one", () => {
    const calls = sent(start() + event(TOOL) + STOP_BLOCK + STOP);
    expect(calls.at(-2)).toMatchObject({ type: "message_delta", delta: { stop_reason: "tool_use" } });
    const words = sent(start() + BLOCK + delta("hi") + STOP_BLOCK + STOP);
    expect(words.at(-2)).toMatchObject({ type: "message_delta", delta: { stop_reason: "end_turn" } });
  });

  it.each([
    ["end_turn", true, "tool_use"],
    ["end_turn", false, "end_turn"],
    ["length", false, "max_tokens"],
    ["tool_calls", true, "tool_use"],
    ["some_day", false, "some_day"],
  ])("the reason %s, with tools: %s, is told as %s", (word, tools, told) => {
    const end = event({ type: "message_delta", delta: { stop_reason: word }, usage: { output_tokens: 3 } });
    const content = tools ? event(TOOL) : BLOCK + delta("hi");
    expect(sent(start() + content + STOP_BLOCK + end + STOP).at(-2).delta.stop_reason).toBe(told);
    const block = tools ? TOOL.content_block : { type: "text", text: "hi" };
    const body = JSON.stringify({
      id: "m",
      content: [block],
      stop_reason: word,
      usage: { input_tokens: 1, output_tokens: 1 },
    });
    const whole = passWholeMessage(encode(body), testContext({}));
    expect(JSON.parse(decode([whole.body])).stop_reason).toBe(told);
    if (word === told) expect(decode([whole.body])).toBe(body);
  });

  it("a tool's call gets an id and an object", () => {
    const block = { ...TOOL, content_block: { type: "tool_use", id: "", name: "f", input: null } };
    const [, begun] = sent(start() + event(block) + STOP_BLOCK + END + STOP);
    expect(begun.content_block).toMatchObject({ id: expect.stringMatching(/^toolu_\w/), input: {} });
    const body = JSON.stringify({ id: "m", content: [block.content_block], stop_reason: "tool_use" });
    const whole = JSON.parse(decode([passWholeMessage(encode(body), testContext({})).body]));
    expect(whole.content[0]).toMatchObject({ id: expect.stringMatching(/^toolu_\w/), input: {} });
    expect(whole.usage.input_tokens).toBeGreaterThan(0);
  });
});
