/**
 * Finds a model that goes round in a loop while it writes JSON, and says what would end it. A small model repeats itself
 * in a string until the token limit cuts the answer, which is then of no use to anybody.
 */
export interface LoopGuard<Token> {
  /** A token was chosen; `text` is what it completed of the answer. */
  push(token: Token, text: string): void;
  /** In a loop: the tokens of which the first that the grammar allows ends it; else none. */
  closers(): readonly Token[];
}

/** Longest loop, in tokens. */
const MAX_PERIOD = 64;
/** Tokens that repeat what stands before them, until it is a loop: within one string, and across values. */
const WITHIN_STRING = 48;
const ACROSS_VALUES = 160;

/** `tokenOf` gives the token that is exactly this text; null where the model has none. */
export function createLoopGuard<Token>(tokenOf: (text: string) => Token | null): LoopGuard<Token> {
  const known = (texts: readonly string[]): Token[] => texts.map(tokenOf).filter((token) => token !== null);
  const endsString = known(['"']);
  const endsValue = known(["]", "}"]);
  const recent: Token[] = [];
  /** For each period, how many of the last tokens are the same as those one period before. */
  const repeated = new Array<number>(MAX_PERIOD + 1).fill(0);
  let inString = false;
  let escaped = false;
  let tokensInString = 0;

  const read = (text: string): void => {
    for (const character of text) {
      if (!inString) {
        inString = character === '"';
        tokensInString = 0;
      } else if (escaped) escaped = false;
      else if (character === "\\") escaped = true;
      else if (character === '"') inString = false;
    }
  };
  return {
    push(token, text) {
      for (let period = 1; period <= MAX_PERIOD; period++) {
        repeated[period] = recent.at(-period) === token ? (repeated[period] ?? 0) + 1 : 0;
      }
      recent.push(token);
      if (recent.length > MAX_PERIOD) recent.shift();
      tokensInString++;
      read(text);
    },
    closers() {
      if (escaped) return [];
      const longest = Math.max(...repeated);
      if (inString) {
        const within = longest >= WITHIN_STRING && longest < tokensInString;
        return within || longest >= ACROSS_VALUES ? endsString : [];
      }
      return longest >= ACROSS_VALUES ? endsValue : [];
    },
  };
}
