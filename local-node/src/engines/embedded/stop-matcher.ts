export interface StopMatcher {
  /** Takes the next piece of text; gives what may be shown, and whether a stop text is complete. */
  push(text: string): { text: string; stopped: boolean };
  /** What was held back, when the text ended without a stop. */
  flush(): string;
}

/**
 * Finds stop texts that may lie across pieces. It holds back only what could still become a stop text, never
 * shows any of it, and does not depend on how the text is cut: the stop text that is complete first wins,
 * and of those that end together the longest.
 */
export function createStopMatcher(stops: readonly string[]): StopMatcher {
  let held = "";
  return {
    push(text) {
      if (stops.length === 0) return { text, stopped: false };
      const pending = held + text;
      const start = firstCompleted(pending, stops);
      if (start !== null) {
        held = "";
        return { text: pending.slice(0, start), stopped: true };
      }
      const keep = longestOpenSuffix(pending, stops);
      held = pending.slice(pending.length - keep);
      return { text: pending.slice(0, pending.length - keep), stopped: false };
    },
    flush() {
      const rest = held;
      held = "";
      return rest;
    },
  };
}

/** Where the stop text begins that ends first (the longest of those that end together); null: none is complete. */
function firstCompleted(text: string, stops: readonly string[]): number | null {
  let best: { start: number; end: number } | null = null;
  for (const stop of stops) {
    const start = text.indexOf(stop);
    if (start === -1) continue;
    const end = start + stop.length;
    if (best === null || end < best.end || (end === best.end && start < best.start)) best = { start, end };
  }
  return best?.start ?? null;
}

/** The length of the longest end of `text` that a stop text begins with. */
export function longestOpenSuffix(text: string, stops: readonly string[]): number {
  const longest = Math.max(...stops.map((stop) => stop.length - 1));
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const suffix = text.slice(text.length - length);
    if (stops.some((stop) => stop.length > length && stop.startsWith(suffix))) return length;
  }
  return 0;
}
