import { describe, expect, it } from "vitest";
import type { OutputPart } from "../model-request.ts";
import type { Reply, ReplyChoice } from "../reply.ts";
import { decode, testContext } from "./fixtures/context.ts";
import { renderMessageReply } from "./render-whole.ts";

const reply = (parts: OutputPart[], choice: Partial<ReplyChoice> = {}, more: Partial<Reply> = {}): Reply => ({
  id: "chatcmpl-1",
  model: "gpt-x",
  created: 1,
  choices: [{ index: 0, parts, finish: "stop", stopSequence: null, logprobs: null, ...choice }],
  usage: { inputTokens: 10, cachedInputTokens: 4, outputTokens: 2 },
  serviceTier: null,
  ...more,
});
const render = (value: Reply, context = {}): unknown =>
  JSON.parse(decode([renderMessageReply(value, testContext(context))]));

describe("renderMessageReply", () => {
  it("renders every part in its order", () => {
    const origin = "openai-chat" as const;
    expect(
      render(
        reply([
          { type: "reasoning", text: "hm", signature: null, redacted: null, origin },
          { type: "text", text: "so" },
          { type: "text", text: "" },
          { type: "tool_call", id: "call:1", name: "f", arguments: '{"a":1}' },
        ]),
      ),
    ).toMatchObject({
      id: "msg_call_01test",
      type: "message",
      role: "assistant",
      model: "gpt-x",
      content: [
        { type: "thinking", thinking: "hm", signature: "" },
        { type: "text", text: "so" },
        { type: "tool_use", id: "call_1", name: "f", input: { a: 1 } },
      ],
      stop_reason: "tool_use",
      stop_sequence: null,
      usage: { input_tokens: 6, cache_read_input_tokens: 4, output_tokens: 2 },
    });
  });

  it("never loses a tool's arguments, even where they are no object", () => {
    const call = (text: string): OutputPart => ({ type: "tool_call", id: "t", name: "f", arguments: text });
    expect(render(reply([call("")]))).toMatchObject({ content: [{ input: {} }] });
    expect(render(reply([call('{"a":')]))).toMatchObject({
      content: [{ input: { unparsed_arguments: '{"a":' } }],
    });
  });

  it("keeps Anthropic's own signatures and marks others", () => {
    const part = (origin: "anthropic-messages" | "openai-responses"): OutputPart => ({
      type: "reasoning",
      text: "x",
      signature: "s",
      redacted: "r",
      origin,
    });
    expect(render(reply([part("anthropic-messages"), part("openai-responses")]))).toMatchObject({
      content: [
        { signature: "s" },
        { data: "r" },
        { signature: "routelet:openai-responses:s" },
        { data: "routelet:openai-responses:r" },
      ],
    });
  });

  it("tells the stop sequence, a refusal, the tier and the requested name", () => {
    const stopped = reply([{ type: "text", text: "a" }], { finish: "stop_sequence", stopSequence: "END" });
    expect(render(stopped, { renameModel: "auto" })).toMatchObject({
      model: "auto",
      stop_reason: "stop_sequence",
      stop_sequence: "END",
    });
    expect(render(reply([{ type: "refusal", text: "No." }], {}, { serviceTier: "default" }))).toMatchObject({
      content: [{ type: "text", text: "No." }],
      stop_reason: "refusal",
      usage: { service_tier: "standard" },
    });
  });

  it("has an estimate where usage is unknown", () => {
    expect(render(reply([{ type: "text", text: "12345" }], {}, { usage: null }))).toMatchObject({
      usage: { input_tokens: 17, output_tokens: 2 },
    });
  });
});
