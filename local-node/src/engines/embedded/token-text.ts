/** Turns tokens into text with the given tokens before them as context; control tokens give no text. */
export type Detokenize = (tokens: readonly number[], preceding: readonly number[]) => string;

export interface TokenText {
  /** The text that is whole after this token; empty while a character is still incomplete. */
  push(token: number): string;
  /** What is left at the end, without a character that stayed incomplete. */
  flush(): string;
}

const REPLACEMENT = "\uFFFD";
const INCOMPLETE_END = /\uFFFD+$/;
/** A character has at most four bytes, and a token at least one: what is longer is not an incomplete character. */
const MAX_HELD_TOKENS = 4;
/** Tokenizers that put spaces before words need to see what came before. */
const CONTEXT_TOKENS = 4;

/** Turns a stream of tokens into text, holding back characters whose UTF-8 bytes are split over tokens. */
export function createTokenText(detokenize: Detokenize): TokenText {
  let preceding: number[] = [];
  let held: number[] = [];
  const release = (text: string): string => {
    preceding = [...preceding, ...held].slice(-CONTEXT_TOKENS);
    held = [];
    return text;
  };
  return {
    push(token) {
      held.push(token);
      const text = detokenize(held, preceding);
      if (text.endsWith(REPLACEMENT) && held.length < MAX_HELD_TOKENS) return "";
      return release(text);
    },
    flush() {
      return held.length === 0 ? "" : release(detokenize(held, preceding)).replace(INCOMPLETE_END, "");
    },
  };
}
