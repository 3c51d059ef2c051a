import { z } from "zod";
import type { Usage } from "../reply.ts";

const count = z.number().nonnegative();
const usageSchema = z.looseObject({
  input_tokens: count,
  input_tokens_details: z
    .looseObject({ cached_tokens: count.nullish(), cache_write_tokens: count.nullish() })
    .nullish(),
  output_tokens: count,
  output_tokens_details: z.looseObject({ reasoning_tokens: count.nullish() }).nullish(),
});

/** Reads a response's usage; null when it is absent or not one. */
export function readResponseUsage(value: unknown): Usage | null {
  const parsed = usageSchema.safeParse(value);
  if (!parsed.success) return null;
  const { data } = parsed;
  const usage: Usage = {
    inputTokens: data.input_tokens,
    cachedInputTokens: data.input_tokens_details?.cached_tokens ?? 0,
    outputTokens: data.output_tokens,
  };
  const reasoning = data.output_tokens_details?.reasoning_tokens;
  const written = data.input_tokens_details?.cache_write_tokens;
  return {
    ...usage,
    ...(reasoning == null ? {} : { reasoningTokens: reasoning }),
    ...(written == null ? {} : { cacheWriteTokens: written }),
  };
}

/** Usage as a response tells it. */
export function renderResponseUsage(usage: Usage): Record<string, unknown> {
  return {
    input_tokens: usage.inputTokens,
    input_tokens_details: {
      cached_tokens: usage.cachedInputTokens,
      cache_write_tokens: usage.cacheWriteTokens ?? 0,
    },
    output_tokens: usage.outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
    total_tokens: usage.inputTokens + usage.outputTokens,
  };
}
