import { describe, expect, it } from "vitest";
import { createAnswerCheck, type ResponseFormat, toAnswerFormat } from "./response-format.ts";

const asSchema = (schema: Record<string, unknown>, strict = false): ResponseFormat => ({
  type: "json_schema",
  json_schema: { name: "answer", schema, strict },
});

describe("what an answer has to be", () => {
  it("is anything for text", () => {
    expect(toAnswerFormat({ type: "text" })).toBeNull();
  });

  it("is compiled once for calls that ask for the same", () => {
    const ask = () => toAnswerFormat(asSchema({ type: "integer" }));
    expect(ask()).toBe(ask());
    expect(toAnswerFormat(asSchema({ type: "integer" }, true))).not.toBe(ask());
  });

  it("is refused by name where it cannot be honoured", () => {
    expect(() => toAnswerFormat(asSchema({ properties: { a: { type: "dict" } } }))).toThrow(
      expect.objectContaining({
        code: "invalid_json_schema",
        status: 400,
        param: "response_format",
        message: expect.stringMatching(
          /^'response_format\.json_schema\.schema' cannot be honoured: The type "dict"/,
        ),
      }),
    );
  });
});

describe("an answer that ends by itself", () => {
  const checkOf = (
    format: ResponseFormat,
    texts: readonly string[],
    finishReason: "stop" | "length" = "stop",
  ) => {
    const answerFormat = toAnswerFormat(format);
    if (answerFormat === null) throw new Error("text needs no check");
    const check = createAnswerCheck(answerFormat);
    for (const text of texts) check.text(0, text);
    return check.finish(0, finishReason);
  };

  it("passes when it satisfies the schema", () => {
    expect(checkOf(asSchema({ type: "array", uniqueItems: true }), ["[1", ",2]"])).toBeNull();
    expect(checkOf({ type: "json_object" }, ["{}"])).toBeNull();
  });

  it("fails, so that another may be asked, when it does not; without a word of it", () => {
    const error = checkOf(asSchema({ type: "array", uniqueItems: true }), ['["secret","secret"]']);
    expect(error).toMatchObject({
      code: "invalid_answer",
      status: 502,
      retryable: true,
      message: "The model's answer does not satisfy the schema: # does not satisfy 'uniqueItems'.",
    });
  });

  it("fails when a stop sequence cut it", () => {
    for (const format of [asSchema({}), { type: "json_object" } as const]) {
      expect(checkOf(format, ['{"a":'])?.message).toMatch(
        /no whole JSON text: one of the call's 'stop' sequences/,
      );
    }
  });

  it("passes unread when the token limit cut it", () => {
    expect(checkOf(asSchema({}), ['{"a":'], "length")).toBeNull();
  });
});
