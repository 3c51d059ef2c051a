import { describe, expect, it } from "vitest";
import { RouteletError } from "../../errors.ts";
import { MAX_MESSAGES, MAX_TOOLS } from "../request-limits.ts";
import { encode } from "./fixtures/chat.ts";
import { parseChatCall } from "./parse.ts";

const HI = { role: "user", content: "hi" };
const parse = (more: object) =>
  parseChatCall(encode(JSON.stringify({ model: "m", messages: [HI], ...more })));

function refusal(more: object): RouteletError {
  try {
    parse(more);
  } catch (thrown) {
    if (thrown instanceof RouteletError) return thrown;
  }
  throw new Error("nothing was refused");
}

describe("parseChatCall", () => {
  it.each([
    [{}, {}],
    [{ tools: [{ type: "function", function: { name: "f" } }] }, { tools: true }],
    [{ functions: [{ name: "f" }] }, { tools: true }],
    [{ messages: [HI, { role: "tool", tool_call_id: "t", content: "x" }] }, { tools: true }],
    [{ messages: [{ role: "function", name: "f", content: "x" }] }, { tools: true }],
    [{ messages: [{ role: "assistant", tool_calls: [{ id: "t" }] }] }, { tools: true }],
    [{ response_format: { type: "json_schema", json_schema: { name: "n" } } }, { jsonSchema: true }],
    [{ response_format: { type: "json_object" } }, { jsonObject: true }],
    [{ response_format: { type: "text" } }, {}],
    [{ logprobs: true }, { logprobs: true }],
    [{ logprobs: true, top_logprobs: 2 }, { logprobs: true }],
    [{ top_logprobs: 2 }, { logprobs: true }],
    [
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }] },
      { images: true },
    ],
    [{ messages: [{ role: "user", content: [{ type: "input_audio", input_audio: {} }] }] }, { audio: true }],
    [{ modalities: ["text", "audio"] }, { audio: true }],
    [{ n: 2 }, { multipleChoices: true }],
    [{ n: 1 }, {}],
    [{ logit_bias: { 5: 1 } }, { logitBias: true }],
    [{ logit_bias: {} }, {}],
    [{ frequency_penalty: 0.5 }, { penalties: true }],
    [{ presence_penalty: -0.5 }, { penalties: true }],
    [{ presence_penalty: 0 }, {}],
  ])("knows what a backend must be able to do: %j", (more, needs) => {
    const nothing = Object.fromEntries(Object.keys(parse({}).needs).map((need) => [need, false]));
    expect(parse(more).needs).toEqual({ ...nothing, ...needs });
  });

  it("sends no order to keep the completion, which nobody would find, and says so", () => {
    const asked = parse({ store: true, metadata: { a: "b" }, seed: 1 });
    expect(JSON.parse(asked.passBody("m"))).toEqual({ model: "m", messages: [HI], seed: 1 });
    expect(asked.ignoresStore).toBe(true);
    const not = parse({ store: false, metadata: { a: "b" } });
    expect(not.passBody("m")).toBe(not.text);
    expect(not.ignoresStore).toBeUndefined();
  });

  it("hands on the caller's own text, with the model's name set", () => {
    const text =
      '{ "model" : "m", "temperature": 1.0, "messages": [{"role":"user","content":"\\u00e9\\u0000\\ud800"}] }';
    const call = parseChatCall(encode(text));
    expect(call.passBody("m")).toBe(text);
    expect(call.passBody("other")).toBe(text.replace('"m"', '"other"'));
  });

  it("asks for the usage of a stream where the caller did not, and keeps its other options", () => {
    const body = (stream_options: object | null) =>
      JSON.parse(parse({ stream: true, stream_options }).passBody("m")).stream_options;
    expect(body(null)).toEqual({ include_usage: true });
    expect(body({ include_usage: false, include_obfuscation: false })).toEqual({
      include_usage: true,
      include_obfuscation: false,
    });
    const asked = parse({ stream: true, stream_options: { include_usage: true } });
    expect(asked).toMatchObject({ stream: true, wantsStreamUsage: true });
    expect(asked.passBody("m")).toBe(asked.text);
  });

  it("lets no second model's name reach a backend that reads the other one", () => {
    const text = '{"model":"cheap","messages":[{"role":"user","content":"hi"}],"model":"m"}';
    const call = parseChatCall(encode(text));
    expect(call.requestedModel).toBe("m");
    expect(call.passBody("served")).toBe(text.replace('"cheap"', '"served"').replace('"m"', '"served"'));
  });

  it.each([
    [{ model: undefined }, "model"],
    [{ model: "" }, "model"],
    [{ messages: undefined }, "messages"],
    [{ messages: [] }, "messages"],
    [{ messages: [{ role: "wizard", content: "x" }] }, "messages[0].role"],
    [{ messages: [HI, { role: "user", content: 5 }] }, "messages[1].content"],
    [{ messages: [{ role: "user", content: [{ text: "x" }] }] }, "messages[0].content[0].type"],
    [{ messages: Array(MAX_MESSAGES + 1).fill(HI) }, "messages"],
    [{ tools: Array(MAX_TOOLS + 1).fill({}) }, "tools"],
    [{ functions: Array(MAX_TOOLS + 1).fill({}) }, "functions"],
    [{ tools: {} }, "tools"],
    [{ stream: "yes" }, "stream"],
    [{ stream_options: { include_usage: 1 } }, "stream_options.include_usage"],
    [{ temperature: 3 }, "temperature"],
    [{ max_tokens: 1.5 }, "max_tokens"],
    [{ n: 0 }, "n"],
    [{ top_logprobs: 21 }, "top_logprobs"],
    [{ logit_bias: { a: "x" } }, "logit_bias.a"],
    [{ response_format: {} }, "response_format.type"],
  ])("refuses what is malformed, by its path: %#", (more, param) => {
    expect(refusal(more)).toMatchObject({ status: 400, code: "invalid_type", param });
  });

  it("takes as many messages and tools as it says", () => {
    const tool = { type: "function", function: { name: "f" } };
    const call = parse({ messages: Array(MAX_MESSAGES).fill(HI), tools: Array(MAX_TOOLS).fill(tool) });
    expect(call.request?.().messages).toHaveLength(MAX_MESSAGES);
  });
});
