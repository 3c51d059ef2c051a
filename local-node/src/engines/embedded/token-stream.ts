import { setImmediate as turn } from "node:timers/promises";
import type { LlamaContextSequence, Token } from "node-llama-cpp";
import { decode } from "./binding.ts";
import type { Pick, TokenSampler } from "./sampler.ts";

export interface TokenStream {
  /** The next token; none after an end token or the last one that was allowed. */
  next(): Promise<Pick>;
  /** Resolves when the engine is at rest; call it before the sequence is used for anything else. */
  close(): Promise<void>;
}

/**
 * Generates one token ahead of its reader: while the reader turns a token into text and sends it, the engine computes
 * the next. When the reader stops early, that one was for nothing.
 */
export function createTokenStream(options: {
  sequence: LlamaContextSequence;
  sampler: TokenSampler;
  /** The end of the prompt, at least one token. */
  tokens: Token[];
  /** At most so many. */
  limit: number;
  signal: AbortSignal;
}): TokenStream {
  const { sequence, sampler, signal } = options;
  const start = (tokens: Token[]): Promise<Pick> => {
    const decoding = decode(sequence, tokens, sampler.next);
    // Who stops reading does not wait for it.
    decoding.catch(() => undefined);
    return decoding;
  };
  let running: Promise<Pick> | null = start(options.tokens);
  let count = 0;
  return {
    async next() {
      if (running === null) throw new Error("There is no token after the last.");
      const pick = await running;
      running = null;
      count++;
      if (count < options.limit && !signal.aborted && !sequence.model.isEogToken(pick.token)) {
        running = start([pick.token]);
        // The engine begins in the next turn of the event loop: what the reader does comes after that.
        await turn();
      }
      return pick;
    },
    async close() {
      await running?.catch(() => undefined);
      sampler.dispose();
    },
  };
}
