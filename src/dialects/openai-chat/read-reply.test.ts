import { describe, expect, it } from "vitest";
import { RouteletError } from "../../errors.ts";
import { openAiChatBackend } from "./backend.ts";
import { encode, USAGE } from "./fixtures/chat.ts";
import { testRequest } from "./fixtures/request.ts";

const read = (body: unknown) =>
  openAiChatBackend.readReply(
    encode(typeof body === "string" ? body : JSON.stringify(body)),
    testRequest({ tools: [{ name: "files.read", description: null, parameters: null, strict: null }] }),
  );
const reply = (message: object, more: object = {}) => ({
  id: "c1",
  created: 5,
  model: "m1",
  service_tier: "flex",
  choices: [{ index: 0, finish_reason: "stop", message, ...more }],
  usage: USAGE,
});

function failure(body: unknown): RouteletError {
  try {
    read(body);
  } catch (thrown) {
    if (thrown instanceof RouteletError) return thrown;
  }
  throw new Error("nothing failed");
}

describe("reading a whole chat completion", () => {
  it("reads all that it says, in the order of a turn", () => {
    const logprob = { token: "a", logprob: -0.5, bytes: null, top_logprobs: [] };
    expect(
      read(
        reply(
          { reasoning_content: "hm", content: "yes", refusal: "but" },
          { finish_reason: "length", logprobs: { content: [logprob] } },
        ),
      ),
    ).toEqual({
      id: "c1",
      created: 5,
      model: "m1",
      serviceTier: "flex",
      usage: { inputTokens: 11, cachedInputTokens: 4, outputTokens: 3 },
      choices: [
        {
          index: 0,
          finish: "length",
          stopSequence: null,
          logprobs: [logprob],
          parts: [
            { type: "reasoning", text: "hm", signature: null, redacted: null, origin: "openai-chat" },
            { type: "text", text: "yes" },
            { type: "refusal", text: "but" },
          ],
        },
      ],
    });
  });

  it("mends tool calls, and gives their names back as the client wrote them (traps 11, 12, 16)", () => {
    const name = JSON.parse(
      openAiChatBackend.renderRequest(
        testRequest({ tools: [{ name: "files.read", description: null, parameters: null, strict: null }] }),
        { model: "m", stream: false },
      ),
    ).tools[0].function.name;
    const { choices } = read(
      reply({
        content: null,
        tool_calls: [
          { id: "t", function: { name, arguments: { a: 1 } } },
          { id: "t", function: { name: "g", arguments: "" } },
          { function: { name: "h" } },
        ],
      }),
    );
    expect(choices[0]?.finish).toBe("tool_calls");
    expect(choices[0]?.parts).toMatchObject([
      { id: "t", name: "files.read", arguments: '{"a":1}' },
      { id: expect.stringMatching(/^call_.{5,35}$/), name: "g", arguments: "{}" },
      { id: expect.stringMatching(/^call_.{5,35}$/), name: "h", arguments: "{}" },
    ]);
  });

  it("reads what a function_call is", () => {
    expect(read(reply({ function_call: { name: "f", arguments: "{}" } })).choices[0]).toMatchObject({
      finish: "tool_calls",
      parts: [{ type: "tool_call", name: "f" }],
    });
  });

  it("leaves unknown what was not said", () => {
    expect(read({ choices: [{ message: { content: "a" } }] })).toEqual({
      id: null,
      created: null,
      model: null,
      serviceTier: null,
      usage: null,
      choices: [
        {
          index: 0,
          finish: "stop",
          stopSequence: null,
          logprobs: null,
          parts: [{ type: "text", text: "a" }],
        },
      ],
    });
  });

  it.each([
    [{ error: { message: "broke" } }, "upstream_error"],
    [{ error: { message: "broke", type: "overloaded_error" } }, "backend_busy"],
    [reply({}, { error: { message: "broke" } }), "upstream_error"],
    [reply({}, { finish_reason: "abort" }), "upstream_error"],
  ])("raises the error inside a 200 (trap 18): %j", (body, code) => {
    expect(failure(body)).toMatchObject({ code, retryable: true });
  });

  it.each(["", "null", "{}", "<html>", '{"choices":[]}', '{"choices":[1]}'])(
    "does not take %j for a reply",
    (body) => {
      expect(failure(body)).toMatchObject({ status: 502, code: "upstream_invalid_reply", retryable: true });
    },
  );
});

describe("reading a refusal", () => {
  const readError = (body: unknown) =>
    openAiChatBackend.readError(encode(typeof body === "string" ? body : JSON.stringify(body)));

  it.each<[unknown, object | null]>([
    [
      { error: { message: "no", code: "invalid", param: "messages", type: "x" } },
      { message: "no", code: "invalid", param: "messages" },
    ],
    [{ error: { message: "no", code: 400 } }, { message: "no", code: "400", param: null }],
    [{ error: "no" }, { message: "no", code: null, param: null }],
    [
      { object: "error", message: "no", code: 40_303 },
      { message: "no", code: "40303", param: null },
    ],
    [[{ error: { message: "no", code: 400 } }], { message: "no", code: "400", param: null }],
    [{ detail: "no" }, { message: "no", code: null, param: null }],
    [{ detail: [{ msg: "no" }] }, { message: '[{"msg":"no"}]', code: null, param: null }],
    [
      { errors: [{ message: "no", code: 7 }], success: false },
      { message: "no", code: "7", param: null },
    ],
    [{}, null],
    [{ error: null }, null],
    ["<html>", null],
  ])("finds the words in %j", (body, error) => {
    expect(readError(body)).toEqual(error);
  });
});
