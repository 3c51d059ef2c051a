/** The parts of a tokenizer that a prompt needs. */
export interface PromptTokenizer<T extends number> {
  /** With control tokens. `continues`: add no space before the text. */
  tokenize(text: string, options: { continues: boolean }): T[];
  isControl(token: T): boolean;
  bos: T | null;
  /** Whether the model wants the begin token before each prompt. */
  prependBos: boolean;
}

/** Tokens of a rendered prompt, in pieces that share no token; with exactly one begin token if the model wants it. */
export function toPromptTokens<T extends number>(
  pieces: readonly string[],
  tokenizer: PromptTokenizer<T>,
): T[] {
  const tokens: T[] = [];
  for (const piece of pieces) {
    const last = tokens.at(-1);
    tokens.push(
      ...tokenizer.tokenize(piece, {
        // As llama.cpp does it: a tokenizer's space prefix comes at the beginning and after control tokens.
        continues: last !== undefined && !tokenizer.isControl(last),
      }),
    );
  }
  if (tokenizer.prependBos && tokenizer.bos !== null && tokens[0] !== tokenizer.bos) {
    tokens.unshift(tokenizer.bos);
  }
  return tokens;
}
