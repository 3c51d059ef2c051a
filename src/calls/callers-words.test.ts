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
});
