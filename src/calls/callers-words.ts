import type { WireDialect } from "../dialects/call.ts";
import type { Problem } from "../dialects/dialect.ts";

/** Fields as callers of a dialect write them, where that is not as OpenAI's chat has them. */
const WORDS: Partial<Record<WireDialect, Record<string, string>>> = {
  "openai-responses": {
    logprobs: "top_logprobs",
    max_completion_tokens: "max_output_tokens",
    max_tokens: "max_output_tokens",
    messages: "input",
    reasoning_effort: "reasoning.effort",
    response_format: "text.format",
    verbosity: "text.verbosity",
  },
  "anthropic-messages": {
    max_completion_tokens: "max_tokens",
    reasoning_effort: "output_config.effort",
    response_format: "output_config.format",
    stop: "stop_sequences",
    user: "metadata.user_id",
  },
};

/**
 * A problem by the name that the field has in the caller's dialect, and the others that it speaks of. Where that is
 * another, a path within the field is cut: the two are not divided alike.
 */
export function inCallersWords({ param, message }: Problem, dialect: WireDialect): Problem {
  const words = WORDS[dialect] ?? {};
  const field = /^\w+/.exec(param)?.[0] ?? param;
  const own = words[field];
  const named = own === undefined ? message : message.replaceAll(`\`${param}\``, `\`${own}\``);
  const told = named.replace(/`(\w+)`/g, (quoted, word: string) => {
    const theirs = words[word];
    return theirs === undefined ? quoted : `\`${theirs}\``;
  });
  return { param: own ?? param, message: told };
}
