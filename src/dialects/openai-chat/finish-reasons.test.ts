import { describe, expect, it } from "vitest";
import type { FinishReason } from "../reply.ts";
import {
  isFailure,
  matchedStop,
  mendFinishReason,
  READ_FINISH_REASONS,
  RENDERED_FINISH_REASONS,
  readFinishReason,
  renderFinishReason,
} from "./finish-reasons.ts";

/** The whole of `finish_reason` in the types of OpenAI's SDK. */
const OPENAI = ["stop", "length", "tool_calls", "content_filter", "function_call"];

describe("finish reasons (trap 16)", () => {
  it.each(Object.entries(READ_FINISH_REASONS))(
    "reads %s as %s, and gives clients a word of OpenAI's",
    (word, meaning) => {
      expect(isFailure(word)).toBe(meaning === "failed");
      expect(readFinishReason(word, false)).toBe(meaning === "failed" ? "stop" : meaning);
      expect(OPENAI).toContain(mendFinishReason(word, null));
    },
  );

  it.each(Object.keys(RENDERED_FINISH_REASONS) as FinishReason[])(
    "renders %s in a word of OpenAI's",
    (reason) => {
      expect(OPENAI).toContain(renderFinishReason(reason));
    },
  );

  it.each([
    ["stop", "stop"],
    ["stop_sequence", "stop"],
    ["length", "length"],
    ["context_length", "length"],
    ["tool_calls", "tool_calls"],
    ["content_filter", "content_filter"],
    ["refusal", "content_filter"],
    ["pause", "stop"],
  ] as const)("renders %s as %s", (reason, word) => {
    expect(renderFinishReason(reason)).toBe(word);
  });

  it.each(OPENAI)("leaves OpenAI's own word alone: %s", (word) => {
    expect(mendFinishReason(word, null)).toBe(word);
  });

  it.each([
    ["stop", "tools", "tool_calls"],
    ["eos", "tools", "tool_calls"],
    ["length", "tools", "length"],
    ["function_call", "function", "function_call"],
    ["stop", "function", "function_call"],
    ["tool_calls", "tools", "tool_calls"],
    ["toString", "tools", "tool_calls"],
  ] as const)("mends %s after %s to %s", (word, called, mended) => {
    expect(mendFinishReason(word, called)).toBe(mended);
  });

  it("takes an unknown word for a plain end, and tool calls for what they are", () => {
    expect(readFinishReason("whatever", false)).toBe("stop");
    expect(readFinishReason("__proto__", true)).toBe("tool_calls");
    expect(readFinishReason("length", true)).toBe("length");
  });
});

describe("matchedStop", () => {
  it.each([
    ["vLLM's", { finish_reason: "stop", stop_reason: "END" }, "END"],
    ["SGLang's", { finish_reason: "stop", matched_stop: "END" }, "END"],
    ["a token's number", { finish_reason: "stop", stop_reason: 151645 }, null],
    ["none", { finish_reason: "stop", stop_reason: null }, null],
    ["another end", { finish_reason: "length", stop_reason: "END" }, null],
  ])("%s", (_whose, choice, stop) => {
    expect(matchedStop(choice)).toBe(stop);
  });
});
