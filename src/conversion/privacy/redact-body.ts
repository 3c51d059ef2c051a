import { redactEvents } from "./redact-events.ts";
import type { Surrogates } from "./surrogates.ts";
import { withoutTokens } from "./without-tokens.ts";

const IS_STREAM = /^(?:\uFEFF)?\s*(?:data|event|id|retry)?:/;

/** What the parser throws has a part of the text in it, and what is thrown here is logged. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("A reply with log-probabilities is not JSON.");
  }
}

/**
 * A request or a reply, JSON, a stream of events or text, with a surrogate for every private value. Of one that is not
 * `whole`, cut or broken off, the end is left out as far as it may be the beginning of one.
 *
 * @throws Error where it cannot be made sure that nothing is left.
 */
export function redactBody(text: string, options: { by: Surrogates; whole: boolean }): string {
  const { by, whole } = options;
  if (IS_STREAM.test(text)) return redactEvents(text, options);
  if (!/"(?:top_|token_)?logprobs"\s*:\s*[[{]/.test(text)) return whole ? by.text(text) : by.beginning(text);
  // A part of it says nothing of where its tokens stand.
  if (!whole) throw new Error("A reply with log-probabilities was cut.");
  return by.text(JSON.stringify(withoutTokens(parsed(text))));
}
