import { describe, expect, it } from "vitest";
import { parseCompletionRequest } from "./completion-request.ts";

const parse = (body: object) =>
  parseCompletionRequest(new TextEncoder().encode(JSON.stringify({ model: "m", prompt: "a", ...body })));

describe("parseCompletionRequest", () => {
  it("fills in the API's defaults", () => {
    expect(parse({ prompt: null })).toMatchObject({
      prompts: [""],
      n: 1,
      shown: 1,
      maxTokens: 16,
      suffix: null,
      stream: false,
      includeUsage: false,
      echo: false,
      topLogprobs: null,
      grammar: null,
    });
  });

  it.each([
    ["a text", "a", ["a"]],
    ["texts", ["a", "b"], ["a", "b"]],
    ["tokens", [1, 2], [[1, 2]]],
    ["lists of tokens", [[1], [2, 3]], [[1], [2, 3]]],
  ])("takes %s for prompts", (_name, prompt, prompts) => {
    expect(parse({ prompt }).prompts).toEqual(prompts);
  });

  it("makes as many answers as the best are chosen from", () => {
    expect(parse({ n: 2, best_of: 5 })).toMatchObject({ n: 5, shown: 2 });
    expect(parse({ n: 2, best_of: 2, stream: true })).toMatchObject({ n: 2, shown: 2 });
  });

  it("takes an empty suffix for none", () => {
    expect(parse({ suffix: "" }).suffix).toBeNull();
    expect(parse({ suffix: "b" }).suffix).toBe("b");
  });

  it.each([
    ["prompt", { prompt: [] }],
    ["prompt", { prompt: [["a"]] }],
    ["prompt[0]", { prompt: [-1] }],
    ["prompt", { prompt: Array(300).fill("a"), n: 8 }],
    ["max_tokens", { max_tokens: 0 }],
    ["logprobs", { logprobs: 6 }],
    ["best_of", { n: 3, best_of: 2 }],
    ["best_of", { best_of: 17 }],
    ["stream_options", { stream_options: { include_usage: true } }],
  ])("refuses a wrong %s by its name", (param, body) => {
    expect(() => parse(body)).toThrow(expect.objectContaining({ status: 400, code: "invalid_value", param }));
  });

  it.each([
    ["best_of", { best_of: 2, stream: true }],
    ["echo", { echo: true, logprobs: 0 }],
    ["messages", { messages: [] }],
  ])("refuses by its name what cannot be honoured: %s", (param, body) => {
    expect(() => parse(body)).toThrow(
      expect.objectContaining({ status: 400, code: "unsupported_parameter", param }),
    );
  });
});
