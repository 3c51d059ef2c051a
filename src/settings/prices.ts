import { z } from "zod";

const usdPerMillion = z.number().min(0).max(1_000_000);

/** What a model costs from a day on, where the price list does not know it or the operator pays something else. */
export const priceOverride = z
  .object({
    model: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,31}\/.{1,200}$/, { message: "must be <provider>/<model>" })
      .describe("With its provider, as in `llm/<provider>/<model>`: `openai/gpt-5-mini`."),
    from: z.iso
      .date()
      .describe("The first day of this price, in UTC; calls before it have the price that was valid then."),
    inputPerMillion: usdPerMillion.describe("US dollars for a million input tokens."),
    cachedInputPerMillion: usdPerMillion
      .nullable()
      .default(null)
      .describe("The same for input that the provider had in its prompt cache; null: as all other input."),
    outputPerMillion: usdPerMillion.describe("US dollars for a million output tokens."),
  })
  .strict();

export type PriceOverride = z.infer<typeof priceOverride>;

/**
 * What tokens cost by the operator's own prices, in US dollars; null where none of them was valid at the time (`at`,
 * milliseconds since the epoch). Input tokens include cached ones.
 */
export function overriddenCost(options: {
  prices: readonly PriceOverride[];
  provider: string;
  model: string;
  usage: { inputTokens: number; cachedInputTokens: number; outputTokens: number };
  at: number;
}): number | null {
  const { prices, usage, at } = options;
  const name = `${options.provider}/${options.model}`;
  const valid = prices
    .filter(({ model, from }) => model === name && Date.parse(from) <= at)
    .sort((a, b) => Date.parse(b.from) - Date.parse(a.from))[0];
  if (valid === undefined) return null;
  const fresh = usage.inputTokens - usage.cachedInputTokens;
  const cached = usage.cachedInputTokens * (valid.cachedInputPerMillion ?? valid.inputPerMillion);
  return (fresh * valid.inputPerMillion + cached + usage.outputTokens * valid.outputPerMillion) / 1_000_000;
}
