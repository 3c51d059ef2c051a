/** A token with its log-probability, as OpenAI's API reports both. */
export interface LogprobToken {
  /** As text; a token that holds a part of a character has U+FFFD there. */
  token: string;
  /** Natural logarithm of the probability in the model's distribution, before sampling. */
  logprob: number;
  bytes: number[];
}

/** One token of an answer, with the likeliest ones in its place. */
export interface TokenLogprob extends LogprobToken {
  top_logprobs: LogprobToken[];
}
