import type { TokenLogprob } from "../logprobs.ts";

export interface LogprobRelease {
  /** A token was generated, and with it `text` became whole. */
  hold(entry: TokenLogprob, text: string): void;
  /** `text` is shown now: gives the entries of the tokens that it begins with or goes through. */
  release(text: string): TokenLogprob[];
  /** All text is shown: gives the rest, tokens that write nothing. */
  flush(): TokenLogprob[];
}

/**
 * Holds the log-probabilities of tokens back until their text is shown, since a stop text may still take it away: a
 * caller gets those of the tokens that it sees, and no others.
 */
export function createLogprobRelease(): LogprobRelease {
  const held: { entry: TokenLogprob; start: number }[] = [];
  let written = 0;
  let shown = 0;
  const take = (count: number): TokenLogprob[] => held.splice(0, count).map(({ entry }) => entry);
  return {
    hold(entry, text) {
      held.push({ entry, start: written });
      written += text.length;
    },
    release(text) {
      shown += text.length;
      const first = held.findIndex(({ start }) => start >= shown);
      return take(first === -1 ? held.length : first);
    },
    flush: () => take(held.length),
  };
}
