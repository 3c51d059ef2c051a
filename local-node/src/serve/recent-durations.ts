const KEPT = 32;
/** Where nothing was measured yet. */
const ASSUMED_MS = 1000;
const MAX_WAIT_SECONDS = 60;

export interface RecentDurations {
  /** Milliseconds that a call held its slot. */
  add(durationMs: number): void;
  /** Whole seconds until a slot should be free for a call with so many before it; 1 to 60. */
  waitSeconds(options: { ahead: number; slots: number }): number;
}

/** Remembers how long the last calls took, to tell a refused one when to come back. */
export function createRecentDurations(): RecentDurations {
  const durations: number[] = [];
  return {
    add(durationMs) {
      durations.push(durationMs);
      if (durations.length > KEPT) durations.shift();
    },
    waitSeconds({ ahead, slots }) {
      const total = durations.reduce((sum, duration) => sum + duration, 0);
      const mean = durations.length === 0 ? ASSUMED_MS : total / durations.length;
      const seconds = Math.ceil((mean * ahead) / Math.max(1, slots) / 1000);
      return Math.min(MAX_WAIT_SECONDS, Math.max(1, seconds));
    },
  };
}
