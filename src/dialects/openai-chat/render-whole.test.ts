import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FinishReason, Reply } from "../reply.ts";
import { openAiChatBackend } from "./backend.ts";
import { decode, functionsContext, testContext } from "./fixtures/chat.ts";
import { testRequest } from "./fixtures/request.ts";
import { passWholeChat } from "./pass-whole.ts";
import { renderChatReply } from "./render-whole.ts";

const REPLY: Reply = {
  id: "msg_1",
  model: "claude",
  created: null,
  serviceTier: "default",
  usage: { inputTokens: 9, cachedInputTokens: 4, outputTokens: 3 },
  choices: [
    {
      index: 0,
      finish: "tool_calls",
      stopSequence: null,
      logprobs: null,
      parts: [
        { type: "reasoning", text: "hm", signature: "sig", redacted: null, origin: "anthropic-messages" },
        { type: "text", text: "a" },
        { type: "text", text: "b" },
        { type: "tool_call", id: "t", name: "f", arguments: "{}" },
      ],
    },
  ],
};
const render = (reply: Partial<Reply>, context = testContext()) =>
  JSON.parse(decode([renderChatReply({ ...REPLY, ...reply }, context)]));

describe("renderChatReply", () => {
  it("calls the one function of a caller that knows no tools", () => {
    const [choice] = render({}, functionsContext()).choices;
    expect(choice).toMatchObject({
      message: { function_call: { name: "f", arguments: "{}" } },
      finish_reason: "function_call",
    });
    expect(choice.message).not.toHaveProperty("tool_calls");
  });

  it("renders a reply as OpenAI's chat completion", () => {
    expect(render({})).toEqual({
      id: "chatcmpl-call_01",
      object: "chat.completion",
      created: 1_760_000_000,
      model: "claude",
      service_tier: "default",
      choices: [
        {
          index: 0,
          finish_reason: "tool_calls",
          logprobs: null,
          message: {
            role: "assistant",
            content: "ab",
            refusal: null,
            reasoning_content: "hm",
            tool_calls: [{ id: "t", type: "function", function: { name: "f", arguments: "{}" } }],
          },
        },
      ],
      usage: {
        prompt_tokens: 9,
        completion_tokens: 3,
        total_tokens: 12,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
    });
  });

  it("tells no usage that it does not know, and shows the requested model where that is asked", () => {
    const reply = render(
      { usage: null, serviceTier: null, created: 5 },
      testContext({ renameModel: "mine" }),
    );
    expect(reply).toMatchObject({ created: 5, model: "mine" });
    expect(Object.keys(reply)).toEqual(["id", "object", "created", "model", "choices"]);
  });

  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 10 });
  const finish = fc.constantFrom<FinishReason>("stop", "length", "content_filter");
  const reply = fc.tuple(text, fc.option(text), fc.array(fc.json(), { maxLength: 3 }), finish).map(
    ([said, thought, calls, reason]): Reply => ({
      ...REPLY,
      id: "chatcmpl-call_01",
      created: 3,
      choices: [
        {
          index: 0,
          finish: calls.length > 0 ? "tool_calls" : reason,
          stopSequence: null,
          logprobs: null,
          parts: [
            ...(thought === null
              ? []
              : [
                  {
                    type: "reasoning",
                    text: thought,
                    signature: null,
                    redacted: null,
                    origin: "openai-chat",
                  } as const,
                ]),
            { type: "text", text: said },
            ...calls.map(
              (given, at) => ({ type: "tool_call", id: `t${at}`, name: "f", arguments: given }) as const,
            ),
          ],
        },
      ],
      usage: { inputTokens: 9, cachedInputTokens: 4, outputTokens: 3, reasoningTokens: 1 },
    }),
  );

  it("writes what its own reader reads again, and in which nothing is to be mended", () => {
    fc.assert(
      fc.property(reply, (given) => {
        const body = renderChatReply(given, testContext());
        expect(openAiChatBackend.readReply(body, testRequest())).toEqual(given);
        expect(passWholeChat(body, testContext()).body).toBe(body);
      }),
    );
  });
});
