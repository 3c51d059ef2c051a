import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createChatStream, readChatReply } from "./chat-stream.ts";

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

function run(text: string, options: Partial<Parameters<typeof createChatStream>[0]> = {}, size = 10_000) {
  const stream = createChatStream({ dropUsageChunk: false, renameModel: null, ...options });
  const bytes = encode(text);
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(...stream.push(bytes.subarray(at, at + size)));
  out.push(...stream.flush());
  return { facts: stream.facts, out: decode(out) };
}

describe("createChatStream", () => {
  it("gives what came together on as one piece", () => {
    const stream = createChatStream({ dropUsageChunk: true, renameModel: null });
    const pieces = stream.push(encode(STREAM));
    expect(pieces).toHaveLength(1);
    expect(decode(pieces)).toBe(STREAM.replace(USAGE_CHUNK, ""));
  });

  it("notices what tells something between chunks that name it as null", () => {
    const nothing = chunk({ content: "x" }, null, { usage: null, error: null });
    const spaced = `data: {"id":"c1","model":"m1","choices":[],"usage" : ${JSON.stringify(USAGE)}}\n\n`;
    const { facts, out } = run(`${nothing}${nothing}${spaced}${nothing}`, { dropUsageChunk: true });
    expect(out).toBe(nothing.repeat(3));
    expect(facts).toMatchObject({ usage: { outputTokens: 3 }, inBandError: null });
    const failed = run(`${nothing}data: {"error"\ndata: :{"message":"broke"}}\n\n`);
    expect(failed.facts.inBandError).toBe("broke");
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
    expect(run(STREAM, { dropUsageChunk: true }).out).toBe(STREAM.replace(USAGE_CHUNK, ""));
  });

  it("keeps a chunk that has usage beside choices, and takes the last usage that is not null", () => {
    const text = `${chunk({ content: "a" }, null, { usage: null })}${chunk({ content: "b" }, "stop", { usage: USAGE })}${event("[DONE]")}`;
    const { facts, out } = run(text, { dropUsageChunk: true });
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
    expect(run(event({ error: { message: "out of memory", code: 500 } })).facts.inBandError).toBe(
      "out of memory",
    );
  });

  it.each([false, "", {}, null])("does not take `error: %j` beside a chunk for an error", (error) => {
    const { facts } = run(`${chunk({ content: "a" }, "stop", { error })}${event("[DONE]")}`);
    expect(facts).toMatchObject({ inBandError: null, committed: true, terminated: true });
  });

  it("counts an event that is not JSON, releases it and goes on", () => {
    const text = `data: {"broken\n\n${STREAM}`;
    const { facts, out } = run(text);
    expect(facts.malformedEvents).toBe(1);
    expect(facts.terminated).toBe(true);
    expect(out).toBe(text);
  });

  it("reads a last event that has no blank line", () => {
    const { facts, out } = run(`${chunk({ content: "a" }, "stop")}data: [DONE]`);
    expect(facts.terminated).toBe(true);
    expect(out.endsWith("data: [DONE]")).toBe(true);
  });

  it("renames the model in every chunk where a key asks for the requested name", () => {
    const { out } = run(STREAM, { renameModel: "gpt-5-mini" });
    expect(out).toBe(STREAM.replaceAll('"model":"m1"', '"model":"gpt-5-mini"'));
  });

  it("gives the same facts and bytes however the stream is chunked", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.boolean(), (size, dropUsageChunk) => {
        expect(run(STREAM, { dropUsageChunk }, size)).toEqual(run(STREAM, { dropUsageChunk }));
      }),
    );
  });
});

describe("readChatReply", () => {
  it("reads usage, finish reasons and an error from a whole reply", () => {
    const reply = {
      id: "c",
      model: "m",
      choices: [{ index: 0, finish_reason: "length", message: {} }],
      usage: USAGE,
    };
    expect(readChatReply(encode(JSON.stringify(reply)))).toMatchObject({
      id: "c",
      model: "m",
      finishReasons: ["length"],
      usage: { inputTokens: 11 },
    });
    expect(readChatReply(encode('{"error":{"message":"no"}}')).inBandError).toBe("no");
    expect(readChatReply(encode("<html>")).malformedEvents).toBe(1);
  });
});
