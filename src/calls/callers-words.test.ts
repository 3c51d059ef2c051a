import { describe, expect, it } from "vitest";
import { inCallersWords } from "./callers-words.ts";

const problem = (param: string) => ({ param, message: `\`${param}\` cannot be honoured. Leave it out.` });

describe("inCallersWords", () => {
  it.each([
    ["openai-responses", "logprobs", "top_logprobs"],
    ["openai-responses", "response_format", "text.format"],
    ["openai-responses", "messages[2].content[0]", "input"],
    ["openai-responses", "temperature", "temperature"],
    ["openai-responses", "tools[0]", "tools[0]"],
    ["openai-responses", "max_completion_tokens", "max_output_tokens"],
    ["anthropic-messages", "stop", "stop_sequences"],
    ["anthropic-messages", "user", "metadata.user_id"],
    ["anthropic-messages", "messages[2].content[0]", "messages[2].content[0]"],
    ["openai-chat", "response_format", "response_format"],
  ] as const)("tells a caller of %s of %s as %s", (dialect, param, own) => {
    expect(inCallersWords(problem(param), dialect)).toEqual(problem(own));
  });

  it("has the caller's words for the other fields that it speaks of, too", () => {
    const message = "Thinking is a part of `max_tokens`. Raise `max_tokens` or leave `reasoning_effort` out.";
    expect(inCallersWords({ param: "reasoning_effort", message }, "openai-responses")).toEqual({
      param: "reasoning.effort",
      message:
        "Thinking is a part of `max_output_tokens`. Raise `max_output_tokens` or leave `reasoning.effort` out.",
    });
    expect(inCallersWords({ param: "reasoning_effort", message }, "openai-chat").message).toBe(message);
  });
});
