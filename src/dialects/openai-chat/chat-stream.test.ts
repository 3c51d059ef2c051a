import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RenderContext } from "../dialect.ts";
import { passChatStream } from "./chat-stream.ts";
import { parseChatCall } from "./parse.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (chunks: Uint8Array[]) => chunks.map((chunk) => new TextDecoder().decode(chunk)).join("");
const event = (data: unknown) => `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
const chunk = (delta: object, finish: string | null = null, more: object = {}) =>
  event({ id: "c1", model: "m1", choices: [{ index: 0, delta, finish_reason: finish }], ...more });

const USAGE = {
  prompt_tokens: 11,
  completion_tokens: 3,
  total_tokens: 14,
  prompt_tokens_details: { cached_tokens: 4 },
};
const USAGE_CHUNK = event({ id: "c1", model: "m1", choices: [], usage: USAGE });
const ROLE = chunk({ role: "assistant", content: "" });
const STREAM = `${ROLE}${chunk({ content: "Hé" })}${chunk({}, "stop")}${USAGE_CHUNK}${event("[DONE]")}`;

function context(options: { includeUsage?: boolean; renameModel?: string | null } = {}): RenderContext {
  const { includeUsage = true, renameModel = null } = options;
  const body = {
    model: "gpt-x",
    messages: [{ role: "user", content: "hi" }],
    stream: true,
    stream_options: { include_usage: includeUsage },
  };
  return {
    call: parseChatCall(encode(JSON.stringify(body))),
    callId: "call_01",
    renameModel,
    estimatedInputTokens: 1,
    now: 0,
  };
}

function run(text: string, options: Parameters<typeof context>[0] = {}, size = 10_000) {
  const stream = passChatStream(context(options));
  const bytes = encode(text);
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(...stream.push(bytes.subarray(at, at + size)));
  out.push(...stream.flush());
  if (stream.facts.complete) out.push(...stream.end());
  return { facts: stream.facts, out: decode(out) };
}

/** What an SDK reads. */
function chunks(out: string): { choices: Record<string, unknown>[]; [more: string]: unknown }[] {
  const read: ReturnType<typeof chunks> = [];
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data !== "[DONE]") read.push(JSON.parse(data));
    },
  });
  parser.feed(out);
  return read;
}

const deltas = (out: string) => chunks(out).flatMap(({ choices }) => choices.map(({ delta }) => delta));

const calls = (...list: object[]) => chunk({ tool_calls: list });

describe("passChatStream", () => {
  it("gives what came together on as one piece", () => {
    const stream = passChatStream(context({ includeUsage: false }));
    const pieces = stream.push(encode(STREAM));
    expect(pieces).toHaveLength(1);
    expect(decode(pieces)).toBe(STREAM.replace(USAGE_CHUNK, ""));
  });

  it("notices what tells something between chunks that name it as null", () => {
    const begun = chunk({ role: "assistant", content: "" }, null, { usage: null, error: null });
    const nothing = chunk({ content: "x" }, null, { usage: null, error: null });
    const spaced = `data: {"id":"c1","model":"m1","choices":[],"usage" : ${JSON.stringify(USAGE)}}\n\n`;
    const { facts, out } = run(`${begun}${nothing}${spaced}${nothing}`, { includeUsage: false });
    expect(out).toBe(begun + nothing.repeat(2));
    expect(facts).toMatchObject({ usage: { outputTokens: 3 }, inBandError: null });
    const failed = run(`${nothing}data: {"error"\ndata: :{"message":"broke"}}\n\n`);
    expect(failed.facts.inBandError?.message).toMatch(/broke$/);
  });

  it("passes the bytes through as they came and reads id, model, usage and end on the side", () => {
    const { facts, out } = run(STREAM);
    expect(out).toBe(STREAM);
    expect(facts).toMatchObject({
      id: "c1",
      model: "m1",
      committed: true,
      terminated: true,
      finishReasons: ["stop"],
      usage: { inputTokens: 11, cachedInputTokens: 4, outputTokens: 3 },
    });
  });

  it("drops the usage chunk, and only it, for a client that did not ask", () => {
    expect(run(STREAM, { includeUsage: false }).out).toBe(STREAM.replace(USAGE_CHUNK, ""));
  });

  it("keeps a chunk that has usage beside choices, and takes the last usage that is not null", () => {
    const text = `${ROLE}${chunk({ content: "a" }, null, { usage: null })}${chunk({ content: "b" }, "stop", { usage: USAGE })}${event("[DONE]")}`;
    const { facts, out } = run(text, { includeUsage: false });
    expect(out).toBe(text);
    expect(facts.usage?.inputTokens).toBe(11);
  });

  it("does not take usage that comes first for the end", () => {
    const { facts } = run(`${USAGE_CHUNK}${chunk({ content: "a" })}`);
    expect(facts).toMatchObject({ committed: true, terminated: false, finishReasons: [] });
  });

  it.each([
    ["a role frame", { role: "assistant" }, false],
    ["an empty content", { role: "assistant", content: "" }, false],
    ["content", { content: "x" }, true],
    ["a tool call", { tool_calls: [{ index: 0, id: "t", function: { name: "f", arguments: "" } }] }, true],
    ["reasoning", { reasoning_content: "hm" }, true],
    ["a refusal", { refusal: "no" }, true],
  ])("%s commits: %#", (_name, delta, committed) => {
    expect(run(chunk(delta)).facts.committed).toBe(committed);
  });

  it("sees an error inside the stream", () => {
    expect(run(event({ error: { message: "out of memory", code: 500 } })).facts.inBandError?.message).toMatch(
      /out of memory$/,
    );
  });

  it.each([false, "", {}, null])("does not take `error: %j` beside a chunk for an error", (error) => {
    const { facts } = run(`${chunk({ content: "a" }, "stop", { error })}${event("[DONE]")}`);
    expect(facts).toMatchObject({ inBandError: null, committed: true, terminated: true });
  });

  it("counts and leaves out an event that is not JSON, and goes on (trap 19)", () => {
    const { facts, out } = run(`data: {"broken\n\n${STREAM}`);
    expect(facts.malformedEvents).toBe(1);
    expect(facts.terminated).toBe(true);
    expect(out).toBe(STREAM);
  });

  it("reads a last event that has no blank line", () => {
    const { facts, out } = run(`${chunk({ content: "a" }, "stop")}data: [DONE]`);
    expect(facts.terminated).toBe(true);
    expect(out.endsWith("data: [DONE]\n\n")).toBe(true);
  });

  it("renames the model in every chunk where a key asks for the requested name", () => {
    const { out } = run(STREAM, { renameModel: "gpt-5-mini" });
    expect(out).toBe(STREAM.replaceAll('"model":"m1"', '"model":"gpt-5-mini"'));
  });

  it("gives the same facts and bytes however the stream is chunked", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.boolean(), (size, includeUsage) => {
        expect(run(STREAM, { includeUsage }, size)).toEqual(run(STREAM, { includeUsage }));
      }),
    );
  });
});

describe("passChatStream mends what servers break, and nothing else", () => {
  it("keeps one id, time and model (trap 5)", () => {
    const mixed = [
      {
        id: "a",
        created: 1,
        model: "m",
        choices: [{ index: 0, delta: { role: "assistant", content: "x" } }],
      },
      { id: "b", created: 2, model: "n", choices: [{ index: 0, delta: { content: "y" } }] },
      { id: "", model: "m", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
    ];
    const { out } = run(`${mixed.map(event).join("")}${event("[DONE]")}`);
    expect(chunks(out).map(({ id, created, model }) => [id, created, model])).toEqual([
      ["a", 1, "m"],
      ["a", 1, "m"],
      ["a", 1, "m"],
    ]);
  });

  it("gives the role once and first (trap 5)", () => {
    const role = { role: "assistant", content: "x" };
    const { out } = run(`${chunk(role)}${chunk(role)}${chunk({ role: "assistant" }, "stop")}`);
    expect(deltas(out)).toEqual([role, { content: "x" }, {}]);
    expect(deltas(run(chunk({ content: "x" }, "stop")).out)).toEqual([{ content: "x", role: "assistant" }]);
  });

  it("makes an empty finish_reason null, and lets only the first reason stand (trap 5)", () => {
    const { out } = run(
      `${chunk({ role: "assistant", content: "x" }, "")}${chunk({}, "length")}${chunk({}, "stop")}${event("[DONE]")}`,
    );
    expect(chunks(out).flatMap(({ choices }) => choices.map(({ finish_reason }) => finish_reason))).toEqual([
      null,
      "length",
      null,
    ]);
  });

  it.each([
    ["no index", undefined, undefined],
    ["index 0 always", 0, 0],
  ])("re-indexes parallel calls with %s (trap 11)", (_name, first, second) => {
    const text = [
      ROLE,
      calls({ index: first, id: "t1", type: "function", function: { name: "f", arguments: '{"a":' } }),
      calls({ index: first, function: { arguments: "1}" } }),
      calls({ index: second, id: "t2", type: "function", function: { name: "g", arguments: "{}" } }),
      chunk({}, "tool_calls"),
    ].join("");
    expect(
      chunks(run(text).out).flatMap(({ choices }) =>
        choices.flatMap(({ delta }) => (delta as { tool_calls?: unknown[] }).tool_calls ?? []),
      ),
    ).toEqual([
      { index: 0, id: "t1", type: "function", function: { name: "f", arguments: '{"a":' } },
      { index: 0, function: { arguments: "1}" } },
      { index: 1, id: "t2", type: "function", function: { name: "g", arguments: "{}" } },
    ]);
  });

  it("makes an id up where there is none, and sends id and name once (trap 11)", () => {
    const repeated = { index: 0, type: "function", function: { name: "f", arguments: "{" } };
    const text = `${ROLE}${calls(repeated)}${calls({ ...repeated, id: "" })}${chunk({}, "tool_calls")}`;
    const [, first, second] = deltas(run(text).out) as { tool_calls: Record<string, unknown>[] }[];
    expect(first?.tool_calls[0]?.id).toMatch(/^call_/);
    expect(second?.tool_calls[0]).toEqual({ index: 0, function: { arguments: "{" } });
  });

  it("gives a call without arguments the empty object, before the end (trap 12)", () => {
    const text = `${ROLE}${calls({ index: 0, id: "t", type: "function", function: { name: "f", arguments: "" } })}${chunk({}, "tool_calls")}`;
    expect(deltas(run(text).out).at(-1)).toEqual({
      tool_calls: [{ index: 0, function: { arguments: "{}" } }],
    });
  });

  it("turns arguments that come as an object into text (trap 12)", () => {
    const text = `${ROLE}${calls({ index: 0, id: "t", function: { name: "f", arguments: { a: 1 } } })}${chunk({}, "tool_calls")}`;
    expect(deltas(run(text).out)[1]).toMatchObject({
      tool_calls: [{ type: "function", function: { arguments: '{"a":1}' } }],
    });
  });

  it("ends a turn of tool calls with tool_calls, whatever the server says (trap 16)", () => {
    const text = `${ROLE}${calls({ index: 0, id: "t", type: "function", function: { name: "f", arguments: "{}" } })}${chunk({}, "stop")}`;
    expect(chunks(run(text).out).at(-1)?.choices[0]?.finish_reason).toBe("tool_calls");
  });

  it("gives one [DONE] and nothing after it (trap 4)", () => {
    const done = event("[DONE]");
    const { out } = run(`${STREAM}${done}${chunk({ content: "late" })}`);
    expect(out).toBe(STREAM);
    expect(run(`${ROLE}${chunk({ content: "x" }, "stop")}`).out.endsWith(done)).toBe(true);
  });

  it("gives a reason to a stream that ended properly without one", () => {
    const { out, facts } = run(`${ROLE}${chunk({ content: "x" })}${event("[DONE]")}`);
    expect(chunks(out).at(-1)?.choices[0]?.finish_reason).toBe("stop");
    expect(facts.finishReasons).toEqual(["stop"]);
  });

  it("does not take a stream that just stops for a whole one (trap 19)", () => {
    expect(run(`${ROLE}${chunk({ content: "x" })}`).facts).toMatchObject({ complete: false });
  });

  it("never throws, and never gives out what is no event, on mutated streams", () => {
    fc.assert(
      fc.property(
        fc.nat(STREAM.length - 1),
        fc.nat(20),
        fc.string({ maxLength: 12 }),
        fc.integer({ min: 1, max: 40 }),
        (at, cut, insert, size) => {
          const { out } = run(STREAM.slice(0, at) + insert + STREAM.slice(at + cut), {}, size);
          for (const piece of chunks(out)) expect(piece).toHaveProperty("choices");
        },
      ),
    );
  });
});
