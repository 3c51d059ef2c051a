import { describe, expect, it } from "vitest";
import { anthropicMessages } from "../dialects/anthropic-messages/client.ts";
import { testContext } from "../dialects/anthropic-messages/fixtures/context.ts";
import { openAiResponses } from "../dialects/openai-responses/client.ts";
import { renderContext } from "../dialects/openai-responses/fixtures/context.ts";
import { exchangeWith } from "./exchange.ts";

const body = (error: object) => new TextEncoder().encode(JSON.stringify({ error }));

describe("a refusal of a backend of another dialect", () => {
  it("keeps its code and its field", () => {
    const { refusal } = exchangeWith({
      client: anthropicMessages,
      speaks: "openai-chat",
      model: "m",
      context: testContext(),
    });
    const told = { message: "Too long.", code: "context_length_exceeded", param: "messages" };
    expect(refusal(body(told))).toEqual({
      text: "Too long.",
      code: "context_length_exceeded",
      param: "messages",
      asIs: false,
    });
    expect(refusal(new TextEncoder().encode("<html>"))).toEqual({
      text: null,
      code: null,
      param: null,
      asIs: false,
    });
  });

  it.each([
    ["foo", "foo"],
    ["messages[0].content", "input"],
    ["max_completion_tokens", "max_output_tokens"],
  ])("names %s as the caller writes it: %s", (param, own) => {
    const { refusal } = exchangeWith({
      client: openAiResponses,
      speaks: "openai-chat",
      model: "m",
      context: renderContext(),
    });
    expect(refusal(body({ message: `\`${param}\` is bad.`, code: "bad", param }))).toMatchObject({
      text: `\`${own}\` is bad.`,
      code: "bad",
      param: own,
    });
  });
});
