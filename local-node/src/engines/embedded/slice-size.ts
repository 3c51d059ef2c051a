/** Milliseconds that a caller who leaves may still cost in the middle of a prompt. */
const TARGET_MS = 400;
/** Smaller slices cost speed, measured on a CPU: a quarter of it at 32 tokens, nothing from 64 on. */
const LIMITS = { min: 32, start: 64, max: 512 };

export interface SliceSize {
  /** How many tokens of a prompt to evaluate before the next look at the signal. */
  tokens(): number;
  observe(tokens: number, ms: number): void;
  /** Milliseconds that a token of the last slice took; null before the first. */
  msPerToken(): number | null;
}

/** Fits the slices of prompts to the speed of machine and model, so that cancelling stays quick on slow ones. */
export function createSliceSize(): SliceSize {
  let size = LIMITS.start;
  let msPerToken: number | null = null;
  return {
    tokens: () => size,
    msPerToken: () => msPerToken,
    observe(tokens, ms) {
      msPerToken = ms / tokens;
      const fitting = (tokens * TARGET_MS) / Math.max(ms, 1);
      // At most doubled, since one fast slice may be luck.
      size = Math.round(Math.min(LIMITS.max, size * 2, Math.max(LIMITS.min, fitting)));
    },
  };
}
