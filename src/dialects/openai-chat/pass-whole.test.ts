import { describe, expect, it } from "vitest";
import { openAiChatBackend } from "./backend.ts";
import { decode, encode, testContext, USAGE } from "./fixtures/chat.ts";
import { testRequest } from "./fixtures/request.ts";
import { passWholeChat } from "./pass-whole.ts";

const context = testContext();
const reply = (choice: object, more: object = {}) => ({
  id: "c1",
  object: "chat.completion",
  created: 1,
  model: "m1",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hi" }, ...choice }],
  usage: USAGE,
  ...more,
});
const pass = (body: unknown, rename: string | null = null) => {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const whole = passWholeChat(encode(text), { ...context, renameModel: rename });
  const out = decode([whole.body]);
  return { ...whole, text, out, json: () => JSON.parse(out) };
};
const called = (call: object, finish = "tool_calls") =>
  reply({ finish_reason: finish, message: { role: "assistant", content: null, tool_calls: [call] } });
const CALL = { id: "t", type: "function", function: { name: "f", arguments: '{"a":1}' } };

describe("passWholeChat", () => {
  it.each([
    ["text", reply({})],
    ["tool calls", called(CALL)],
    ["a function call", reply({ finish_reason: "function_call", message: { function_call: {} } })],
  ])("changes no byte of a healthy reply: %s", (_name, body) => {
    const text = ` ${JSON.stringify(body, null, 2)}\n`;
    const { body: out, facts } = passWholeChat(encode(text), context);
    expect(decode([out])).toBe(text);
    expect(facts).toMatchObject({
      id: "c1",
      model: "m1",
      usage: { inputTokens: 11, cachedInputTokens: 4, outputTokens: 3 },
      inBandError: null,
      malformedEvents: 0,
    });
  });

  it("gives the text of a message that is a list of parts, and what was thought apart (Mistral)", () => {
    const content = [
      { type: "thinking", thinking: [{ type: "text", text: "hm" }] },
      { type: "text", text: "h" },
      { type: "text", text: "i" },
    ];
    expect(pass(reply({ message: { role: "assistant", content } })).json().choices[0].message).toEqual({
      role: "assistant",
      content: "hi",
      reasoning_content: "hm",
    });
  });

  it.each([
    ["no choices", { choices: [] }],
    ["a choice without a message", reply({ message: undefined })],
    ["a message that is a text", reply({ message: "hi" })],
  ])("takes a body with %s for no reply, read or passed", (_name, body) => {
    expect(pass(body).facts.malformedEvents).toBe(1);
    const read = () => openAiChatBackend.readReply(encode(JSON.stringify(body)), testRequest());
    expect(read).toThrowError(expect.objectContaining({ code: "upstream_invalid_reply" }));
  });

  it.each([
    ["an id", { ...CALL, id: undefined }, { id: "call_01_0_0" }],
    ["a type", { ...CALL, type: undefined }, { type: "function" }],
    [
      "arguments",
      { ...CALL, function: { name: "f", arguments: "" } },
      { function: { name: "f", arguments: "{}" } },
    ],
    ["arguments at all", { ...CALL, function: { name: "f" } }, { function: { name: "f", arguments: "{}" } }],
    [
      "text for arguments",
      { ...CALL, function: { name: "f", arguments: { a: 1 } } },
      { function: { name: "f", arguments: '{"a":1}' } },
    ],
  ])("gives a tool call without %s what it lacks (traps 11 and 12)", (_name, call, mended) => {
    expect(pass(called(call)).json().choices[0].message.tool_calls).toEqual([{ ...CALL, ...mended }]);
  });

  it("gives calls of one id different ones", () => {
    const body = reply({ finish_reason: "tool_calls", message: { tool_calls: [CALL, CALL] } });
    const [first, second] = pass(body).json().choices[0].message.tool_calls;
    expect([first.id, second.id]).toEqual(["t", "call_01_0_1"]);
  });

  it.each([
    ["stop", "tool_calls"],
    ["eos", "tool_calls"],
    [null, "tool_calls"],
    ["length", "length"],
  ])("ends tool calls, not with %s, with %s (trap 16)", (word, known) => {
    expect(pass(called(CALL, word as string)).json().choices[0].finish_reason).toBe(known);
  });

  it("gives OpenAI's word for another, an index and an id where they are missing", () => {
    expect(
      pass(reply({ finish_reason: "end_turn", index: undefined }, { id: undefined })).json(),
    ).toMatchObject({
      id: "chatcmpl-call_01",
      choices: [{ index: 0, finish_reason: "stop" }],
    });
  });

  it("mends what is broken and leaves the rest of the text as it was", () => {
    const text = `${JSON.stringify(called(CALL, "stop")).slice(0, -1)},"cost":1.0}`;
    expect(pass(text).out).toMatch(/,"cost":1\.0}$/);
  });

  it("renames the model in the text", () => {
    const text = JSON.stringify(reply({}), null, 1);
    expect(pass(text, "other").out).toBe(text.replace('"m1"', '"other"'));
  });

  it.each([
    ["an error", { error: { message: "broke" } }, "upstream_error"],
    ["a busy backend", { error: { message: "broke", code: "rate_limit_exceeded" } }, "backend_busy"],
    ["a choice's error", reply({ error: { message: "broke" } }), "upstream_error"],
    ["an aborted choice", reply({ finish_reason: "abort" }), "upstream_error"],
  ])("sees %s inside a 200 (trap 18)", (_name, body, code) => {
    expect(pass(body).facts.inBandError).toMatchObject({ code, retryable: true });
  });

  it.each(["", "null", "[]", "{}", '{"object":"error","message":"x"}', '{"choices":[1]}', "<html>"])(
    "does not take %j for a reply",
    (text) => {
      expect(pass(text)).toMatchObject({ out: text, facts: { malformedEvents: 1 } });
    },
  );
});
