import { z } from "zod";
import type { Usage } from "../reply.ts";

const count = z.number().nonnegative();

const usageSchema = z.looseObject({
  prompt_tokens: count,
  completion_tokens: count.nullish(),
  prompt_tokens_details: z
    .looseObject({ cached_tokens: count.nullish(), cache_write_tokens: count.nullish() })
    .nullish(),
  completion_tokens_details: z.looseObject({ reasoning_tokens: count.nullish() }).nullish(),
  /** DeepSeek's word for cached tokens. */
  prompt_cache_hit_tokens: count.nullish(),
});

/** Reads OpenAI's usage object; null when it is absent or not one. */
export function readUsage(value: unknown): Usage | null {
  const parsed = usageSchema.safeParse(value);
  if (!parsed.success) return null;
  const { data } = parsed;
  const usage: Usage = {
    inputTokens: data.prompt_tokens,
    // They are a part of the prompt; a server that counts more would make the rest of it cost less than nothing.
    cachedInputTokens: Math.min(
      data.prompt_tokens_details?.cached_tokens ?? data.prompt_cache_hit_tokens ?? 0,
      data.prompt_tokens,
    ),
    outputTokens: data.completion_tokens ?? 0,
  };
  const written = data.prompt_tokens_details?.cache_write_tokens;
  if (written != null) usage.cacheWriteTokens = written;
  const reasoning = data.completion_tokens_details?.reasoning_tokens;
  if (reasoning != null) usage.reasoningTokens = reasoning;
  return usage;
}

/** Usage as OpenAI's chat endpoint tells it. */
export function renderUsage(usage: Usage): Record<string, unknown> {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: {
      cached_tokens: usage.cachedInputTokens,
      ...(usage.cacheWriteTokens === undefined ? {} : { cache_write_tokens: usage.cacheWriteTokens }),
    },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
  };
}
