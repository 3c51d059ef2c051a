import type { Rule } from "./candidate.ts";

/** What one key said of a call, or of the run that it was part of. */
export interface Said {
  of: "call" | "run";
  /** Milliseconds since the epoch. */
  at: number;
  /** 0 (of no use) to 1 (right); null where only a correction was sent. */
  score: number | null;
  /** The answer that would have been right; absent where none was sent. */
  corrected?: unknown;
  /** What was sent cannot be opened any more. */
  unreadable: boolean;
}

export interface Opinion {
  /** The newest correction; absent where there is none. */
  corrected?: unknown;
  liked: boolean;
  disliked: boolean;
}

/**
 * What people make of a call. Of its own scores one bad one is enough; what was said of the whole run counts where nobody
 * rated the call itself. What cannot be opened may have been a correction, and speaks against the answer. `threshold`: the
 * score from which an answer is right.
 */
export function opinionOf(said: readonly Said[], threshold: number): Opinion {
  const newest = said.toSorted((a, b) => b.at - a.at);
  const correction = newest.find(({ corrected }) => corrected !== undefined);
  const rated = newest.filter(({ score }) => score !== null);
  const own = rated.filter(({ of }) => of === "call");
  const scores = (own.length > 0 ? own : rated.slice(0, 1)).map(({ score }) => score ?? 0);
  const disliked = scores.some((score) => score < threshold) || said.some(({ unreadable }) => unreadable);
  return {
    ...(correction === undefined ? {} : { corrected: correction.corrected }),
    liked: own.length > 0 && !disliked,
    disliked,
  };
}

/** What people disliked is no example, unless they said what would have been right. */
export const notDisliked: Rule = ({ disliked, corrected }) => (disliked && !corrected ? "disliked" : null);
