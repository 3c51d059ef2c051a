import { calcPrice } from "@pydantic/genai-prices";
import { overriddenCost, type PriceOverride } from "../settings/prices.ts";
import type { TokenUsage } from "./records.ts";

/** Our providers by the price list's ids; a provider that is not here has no known price. */
const PRICE_LIST_ID: Record<string, string> = {
  openai: "openai",
  anthropic: "anthropic",
  "workers-ai": "cloudflare",
  azure: "azure",
  gemini: "google",
  openrouter: "openrouter",
  groq: "groq",
  mistral: "mistral",
  deepseek: "deepseek",
  xai: "x-ai",
  together: "together",
};

/** Models that the price list does not know: looking one up means trying every rule of its provider. */
const unpriced = new Set<string>();
const MAX_UNPRICED = 1_000;

/**
 * What a cloud model's tokens cost in US dollars at that day's price: the operator's own where there is one, else from
 * the price list that this build carries. Null when the price is unknown, or the usage makes no sense; never 0 for "unknown".
 */
export function costUsd(options: {
  provider: string;
  model: string;
  usage: TokenUsage;
  /** Milliseconds since the epoch: prices change, some by the hour. */
  at: number;
  /** The settings' `prices`, by the name that the model was asked under (`asked`) or by the one that it gave itself. */
  prices?: readonly PriceOverride[];
  asked?: string;
}): number | null {
  const { provider, model, usage, at, prices = [], asked = model } = options;
  if (!isCountable(usage)) return null;
  for (const name of prices.length === 0 ? [] : [asked, model]) {
    const own = overriddenCost({ prices, provider, model: name, usage, at });
    if (own !== null) return own;
  }
  const providerId = Object.hasOwn(PRICE_LIST_ID, provider) ? PRICE_LIST_ID[provider] : undefined;
  if (providerId === undefined) return null;
  const name = `${providerId}/${model}`;
  if (unpriced.has(name)) return null;
  const price = calcPrice(
    {
      input_tokens: usage.inputTokens,
      cache_read_tokens: usage.cachedInputTokens,
      output_tokens: usage.outputTokens,
    },
    model,
    { providerId, timestamp: new Date(at) },
  );
  if (price !== null) return price.total_price;
  if (unpriced.size >= MAX_UNPRICED) unpriced.clear();
  unpriced.add(name);
  return null;
}

/** What an input token costs uncached and cached, in US dollars; null where either is unknown. */
export function inputTokenPrices(options: {
  provider: string;
  model: string;
  at: number;
  prices: readonly PriceOverride[];
}): { uncached: number; cached: number } | null {
  const tokens = 1_000;
  const [uncached, cached] = [0, tokens].map((cachedInputTokens) =>
    costUsd({ ...options, usage: { inputTokens: tokens, cachedInputTokens, outputTokens: 0 } }),
  );
  if (uncached == null || cached == null) return null;
  return { uncached: uncached / tokens, cached: cached / tokens };
}

/** An upstream may report anything; the price list throws at what is no count. */
function isCountable(usage: TokenUsage): boolean {
  const counts = [usage.inputTokens, usage.cachedInputTokens, usage.outputTokens];
  return (
    counts.every((count) => Number.isFinite(count) && count >= 0) &&
    usage.cachedInputTokens <= usage.inputTokens
  );
}
