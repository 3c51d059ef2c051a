import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readUsage, renderUsage } from "./usage.ts";

describe("readUsage", () => {
  it.each([
    [
      { prompt_tokens: 5, completion_tokens: 2 },
      { inputTokens: 5, cachedInputTokens: 0, outputTokens: 2 },
    ],
    [{ prompt_tokens: 5 }, { inputTokens: 5, cachedInputTokens: 0, outputTokens: 0 }],
    [
      {
        prompt_tokens: 5,
        completion_tokens: 9,
        prompt_tokens_details: { cached_tokens: 4, audio_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 7 },
      },
      { inputTokens: 5, cachedInputTokens: 4, outputTokens: 9, reasoningTokens: 7 },
    ],
    [
      { prompt_tokens: 5, completion_tokens: 1, prompt_cache_hit_tokens: 3 },
      { inputTokens: 5, cachedInputTokens: 3, outputTokens: 1 },
    ],
    [
      { prompt_tokens: 5, prompt_tokens_details: null, completion_tokens_details: null },
      { inputTokens: 5, cachedInputTokens: 0, outputTokens: 0 },
    ],
  ])("reads %j", (given, usage) => {
    expect(readUsage(given)).toEqual(usage);
  });

  it.each([null, undefined, {}, "5", { prompt_tokens: -1 }, { prompt_tokens: "5" }])(
    "takes %j for no usage: unknown is not 0 (trap 10)",
    (given) => {
      expect(readUsage(given)).toBeNull();
    },
  );
});

describe("renderUsage", () => {
  it("reads back as it was, cached and reasoning tokens within their sums (trap 8)", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.nat(),
        fc.nat(),
        fc.nat(),
        (inputTokens, cached, outputTokens, reasoningTokens) => {
          const usage = {
            inputTokens,
            cachedInputTokens: Math.min(cached, inputTokens),
            outputTokens,
            reasoningTokens,
          };
          expect(readUsage(renderUsage(usage))).toEqual(usage);
          expect(renderUsage(usage)).toMatchObject({ total_tokens: inputTokens + outputTokens });
        },
      ),
    );
  });
});

it("takes no more tokens as cached than the prompt has", () => {
  const usage = readUsage({ prompt_tokens: 5, prompt_tokens_details: { cached_tokens: 9 } });
  expect(usage).toMatchObject({ inputTokens: 5, cachedInputTokens: 5 });
});
