import { describe, expect, it } from "vitest";
import { createCallCheck } from "./call-check.ts";

const tool = (strict: boolean) => ({
  name: "f",
  description: "",
  strict,
  parameters: {
    type: "object",
    properties: { list: { type: "array", items: { type: "integer" }, uniqueItems: true } },
    required: ["list"],
  },
});

function check(text: string, finishReason: "tool_calls" | "length" = "tool_calls", strict = true) {
  const calls = createCallCheck([tool(strict)]);
  calls?.part(0, { type: "call", index: 0, id: "call_1", name: "f" });
  for (const character of text) calls?.part(0, { type: "arguments", index: 0, text: character });
  return calls?.finish(0, finishReason) ?? null;
}

describe("createCallCheck", () => {
  it("lets calls through that satisfy their schemas", () => {
    expect(check('{"list": [1, 2]}')).toBeNull();
  });

  it("refuses what only validation can tell", () => {
    expect(check('{"list": [1, 1]}')).toMatchObject({
      status: 502,
      code: "invalid_answer",
      retryable: true,
      message: expect.stringContaining("#/list"),
    });
  });

  it("does not look at calls that were cut off, nor at those of tools that are not strict", () => {
    expect(check('{"list": [1, 1', "length")).toBeNull();
    expect(check('{"list": [1, 1]}', "tool_calls", false)).toBeNull();
  });

  it("keeps the calls of several choices apart", () => {
    const calls = createCallCheck([tool(true)]);
    for (const choice of [0, 1]) {
      calls?.part(choice, { type: "call", index: 0, id: "call_1", name: "f" });
      calls?.part(choice, { type: "arguments", index: 0, text: `{"list": [1, ${choice}]}` });
    }
    expect(calls?.finish(0, "tool_calls")).toBeNull();
    expect(calls?.finish(1, "tool_calls")).toMatchObject({ code: "invalid_answer" });
  });
});
