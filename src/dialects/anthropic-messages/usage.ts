import { isObject, type Json } from "../json.ts";
import type { Usage } from "../reply.ts";
import { countOf } from "./wire.ts";

/** Anthropic's counters as they have come so far: the input's do not include what was read from or written to a cache. */
export interface UsageSoFar {
  input: number | null;
  cacheRead: number | null;
  cacheWrite: number | null;
  output: number | null;
  thinking: number | null;
  serviceTier: string | null;
}

export function noUsage(): UsageSoFar {
  return { input: null, cacheRead: null, cacheWrite: null, output: null, thinking: null, serviceTier: null };
}

const larger = (known: number | null, value: unknown): number | null => {
  const count = countOf(value);
  if (known === null || count === null) return count ?? known;
  return Math.max(known, count);
};

const latest = (known: number | null, value: unknown): number | null => countOf(value) ?? known;

/**
 * Adds a usage object of `message_start` or `message_delta`. They are totals, never parts (Anthropic's "Streaming
 * messages"); a server that says 0 at one of its two places does not take back what it said at the other.
 */
export function noteUsage(known: UsageSoFar, value: unknown): void {
  if (!isObject(value)) return;
  // Who counts the input anew counts the cache's part of it anew: the three belong together.
  const counted = (countOf(value.input_tokens) ?? 0) > 0 ? latest : larger;
  known.input = counted(known.input, value.input_tokens);
  known.cacheRead = counted(known.cacheRead, value.cache_read_input_tokens);
  known.cacheWrite = counted(known.cacheWrite, value.cache_creation_input_tokens);
  known.output = larger(known.output, value.output_tokens);
  if (isObject(value.output_tokens_details))
    known.thinking = larger(known.thinking, value.output_tokens_details.thinking_tokens);
  if (typeof value.service_tier === "string") known.serviceTier = value.service_tier;
}

/**
 * As the gateway counts: input includes the cache's (wire trap 8). Null where no input is known: a request has at least
 * one token, so 0 means that the server does not count, and unknown must not be priced as nothing (wire trap 10).
 */
export function usageOf(known: UsageSoFar): Usage | null {
  const cacheRead = known.cacheRead ?? 0;
  const cacheWrite = known.cacheWrite ?? 0;
  const inputTokens = (known.input ?? 0) + cacheRead + cacheWrite;
  if (inputTokens === 0) return null;
  const usage: Usage = {
    inputTokens,
    cachedInputTokens: cacheRead,
    outputTokens: known.output ?? 0,
  };
  if (known.cacheWrite !== null) usage.cacheWriteTokens = cacheWrite;
  if (known.thinking !== null) usage.reasoningTokens = known.thinking;
  return usage;
}

export function readUsage(value: unknown): Usage | null {
  const known = noUsage();
  noteUsage(known, value);
  return usageOf(known);
}

/** Usage as Anthropic's clients read it. */
export function renderUsage(usage: Usage): Json {
  const cacheWrite = usage.cacheWriteTokens ?? 0;
  return {
    input_tokens: Math.max(0, usage.inputTokens - usage.cachedInputTokens - cacheWrite),
    cache_creation_input_tokens: cacheWrite,
    cache_read_input_tokens: usage.cachedInputTokens,
    output_tokens: usage.outputTokens,
    ...(usage.reasoningTokens === undefined
      ? {}
      : { output_tokens_details: { thinking_tokens: usage.reasoningTokens } }),
  };
}
