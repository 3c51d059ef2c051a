import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { passChatStream } from "./chat-stream.ts";
import {
  chunk,
  chunks,
  decode,
  deltas,
  encode,
  event,
  passed,
  ROLE,
  STREAM,
  testContext,
  USAGE,
  USAGE_CHUNK,
} from "./fixtures/chat.ts";
import { AZURE_STREAM, HEALTHY_STREAMS } from "./fixtures/server-streams.ts";

describe("passChatStream", () => {
  it("gives what came together on as one piece", () => {
    const stream = passChatStream(testContext({ includeUsage: false }));
    const pieces = stream.push(encode(STREAM));
    expect(pieces).toHaveLength(1);
    expect(decode(pieces)).toBe(STREAM.replace(USAGE_CHUNK, ""));
  });

  it("notices what tells something between chunks that name it as null", () => {
    const begun = chunk({ role: "assistant", content: "" }, null, { usage: null, error: null });
    const nothing = chunk({ content: "x" }, null, { usage: null, error: null });
    const spaced = `data: {"id":"c1","model":"m1","choices":[],"usage" : ${JSON.stringify(USAGE)}}\n\n`;
    const { facts, out } = passed(`${begun}${nothing}${spaced}${nothing}`, { includeUsage: false });
    expect(out).toBe(begun + nothing.repeat(2));
    expect(facts).toMatchObject({ usage: { outputTokens: 3 }, inBandError: null });
    const failed = passed(`${nothing}data: {"error"\ndata: :{"message":"broke"}}\n\n`);
    expect(failed.facts.inBandError?.message).toMatch(/broke$/);
  });

  it("passes the bytes through as they came and reads id, model, usage and end on the side", () => {
    const { facts, out } = passed(STREAM);
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

  it.each(Object.entries(HEALTHY_STREAMS))("changes no byte of a healthy stream: %s", (_name, text) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), (size) => {
        const { facts, out } = passed(text, {}, size);
        expect(out).toBe(text);
        expect(facts).toMatchObject({ malformedEvents: 0, inBandError: null, terminated: true });
      }),
      { numRuns: 20 },
    );
  });

  it("gives a chunk that comes before the reply's id that id (trap 5)", () => {
    const { out, facts } = passed(AZURE_STREAM);
    const [first] = chunks(out);
    expect(first).toMatchObject({
      id: "chatcmpl-9",
      object: "chat.completion.chunk",
      prompt_filter_results: [{ prompt_index: 0 }],
    });
    expect(out.endsWith(AZURE_STREAM.slice(AZURE_STREAM.indexOf("\n\n") + 2))).toBe(true);
    expect(facts.id).toBe("chatcmpl-9");
  });

  it("drops the usage chunk, and only it, for a client that did not ask", () => {
    expect(passed(STREAM, { includeUsage: false }).out).toBe(STREAM.replace(USAGE_CHUNK, ""));
  });

  it("keeps a chunk that has usage beside choices, and takes the last usage that is not null", () => {
    const text = `${ROLE}${chunk({ content: "a" }, null, { usage: null })}${chunk({ content: "b" }, "stop", { usage: USAGE })}${event("[DONE]")}`;
    const { facts, out } = passed(text, { includeUsage: false });
    expect(out).toBe(text);
    expect(facts.usage?.inputTokens).toBe(11);
  });

  it("does not take usage that comes first for the end", () => {
    const { facts } = passed(`${USAGE_CHUNK}${chunk({ content: "a" })}`);
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
    expect(passed(chunk(delta)).facts.committed).toBe(committed);
  });

  it("sees an error inside the stream", () => {
    expect(
      passed(event({ error: { message: "out of memory", code: 500 } })).facts.inBandError?.message,
    ).toMatch(/out of memory$/);
  });

  it.each([false, "", {}, null])("does not take `error: %j` beside a chunk for an error", (error) => {
    const { facts } = passed(`${chunk({ content: "a" }, "stop", { error })}${event("[DONE]")}`);
    expect(facts).toMatchObject({ inBandError: null, committed: true, terminated: true });
  });

  it("counts and leaves out an event that is not JSON, and goes on (trap 19)", () => {
    const { facts, out } = passed(`data: {"broken\n\n${STREAM}`);
    expect(facts.malformedEvents).toBe(1);
    expect(facts.terminated).toBe(true);
    expect(out).toBe(STREAM);
  });

  it("reads a last event that has no blank line", () => {
    const { facts, out } = passed(`${chunk({ content: "a" }, "stop")}data: [DONE]`);
    expect(facts.terminated).toBe(true);
    expect(out.endsWith("data: [DONE]\n\n")).toBe(true);
  });

  it("renames the model in every chunk where a key asks for the requested name", () => {
    const { out } = passed(STREAM, { renameModel: "gpt-5-mini" });
    expect(out).toBe(STREAM.replaceAll('"model":"m1"', '"model":"gpt-5-mini"'));
  });

  it("renames broken and plain chunks alike, and nothing but the name", () => {
    const plain = (text: string) => chunk({ content: text, reasoning_content: null }, null, { n: 1.0 });
    const text = `${chunk({ content: "a" })}${plain("model")}${plain('"model":"m1"')}${chunk({}, "stop")}`;
    const { out } = passed(text, { renameModel: "x" });
    expect(chunks(out).map(({ model }) => model)).toEqual(["x", "x", "x", "x"]);
    expect(deltas(out)[2]).toEqual({ content: '"model":"m1"', reasoning_content: null });
  });

  it.each([
    ["OpenAI's, with another obfuscation each", (n: number) => ({ obfuscation: "x".repeat(n) }), "content"],
    ["plain ones", () => ({}), "content"],
    ["reasoning", () => ({}), "reasoning_content"],
  ])("passes chunks of one shape on without parsing them: %s", (_name, more, field) => {
    const stream = passChatStream(testContext());
    stream.push(
      encode(chunk({ role: "assistant", content: "" }) + chunk({ [field]: "a\\n" }, null, more(3))),
    );
    const parse = vi.spyOn(JSON, "parse");
    const next = [1, 2, 3].map((n) => chunk({ [field]: `b "quoted" \u00e9 ${n}` }, null, more(n))).join("");
    expect(decode(stream.push(encode(next)))).toBe(next);
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
  });

  it("learns a new shape where thoughts become words", () => {
    const stream = passChatStream(testContext());
    stream.push(encode(chunk({ role: "assistant", content: "" }) + chunk({ reasoning_content: "hm" })));
    stream.push(encode(chunk({ content: "a" })));
    const parse = vi.spyOn(JSON, "parse");
    stream.push(encode(chunk({ content: "b" })));
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
  });

  it("does not take log-probabilities for a shape, and passes them on", () => {
    const logprobs = (token: string) =>
      event({
        id: "c1",
        model: "m1",
        choices: [{ index: 0, delta: { content: token }, logprobs: { content: [] }, finish_reason: null }],
      });
    const stream = passChatStream(testContext());
    stream.push(encode(chunk({ role: "assistant", content: "" }) + chunk({ content: "a" }) + logprobs("b")));
    const parse = vi.spyOn(JSON, "parse");
    stream.push(encode(chunk({ content: "c" })));
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
  });

  it("passes an event of a megabyte on", () => {
    const long = chunk({ content: "é\\".repeat(150_000) });
    expect(passed(`${chunk({ role: "assistant", content: "x" })}${long}${long}`).out).toContain(long + long);
  });

  it("gives the same facts and bytes however the stream is chunked", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.boolean(), (size, includeUsage) => {
        expect(passed(STREAM, { includeUsage }, size)).toEqual(passed(STREAM, { includeUsage }));
      }),
    );
  });
});
