import { z } from "zod";

/** `prefix` is over at most this many tokens from the beginning: what is known when streamed text is released. */
export const CONFIDENCE_PREFIX_TOKENS = 32;

const statistics = {
  /** How many tokens the statistics are over. */
  tokens: z.number().int().positive(),
  /** Mean of the tokens' log-probabilities (natural logarithm): the answer's, normalised by its length. */
  meanLogprob: z.number().max(0),
  /** The least likely token's. */
  minLogprob: z.number().max(0),
  /** Mean of the tokens' margins: ln p(token) − ln p(the likeliest other token). Negative where another was likelier. */
  meanMargin: z.number(),
  /** The smallest margin. */
  minMargin: z.number(),
};

/**
 * How sure a model was of its answer: the same fields with every answer of the embedded engine, so that a router can
 * learn from them. All are of the model's own distribution, before temperature, penalties, bias, truncation and
 * grammar, so that answers with and without a grammar compare.
 *
 * Probabilities are relative to the 128 likeliest tokens of each step, since a sum over the whole vocabulary costs
 * several percent of the speed; the `logprobs` of the API are exact. Measured on the starter model: 0.014 nats above
 * the exact value at the median at temperature 1, 0.002 at temperature 0, and more only where nothing is likely.
 *
 * Where several choices were asked for, the statistics go over the tokens of all of them.
 */
export const confidenceSchema = z.object({
  /**
   * `values`: only tokens that touch a value (string, number, literal) of JSON count, since punctuation and keys are
   * forced or obvious. It is so where JSON makes up at least half of the answer: tool calls and structured output.
   * `all`: every token, the end token included.
   */
  over: z.enum(["values", "all"]),
  ...statistics,
  /** All tokens that were computed, the end token included. */
  completionTokens: z.number().int().nonnegative(),
  /** The same statistics over the first tokens of the first choice, whatever they are. */
  prefix: z.object(statistics),
});
export type Confidence = z.infer<typeof confidenceSchema>;
