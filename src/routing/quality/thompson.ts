import type { CertificationWindow } from "../guarantee/certification-window.ts";
import { betaDraw } from "../statistics/beta-draw.ts";

/**
 * Which candidate is shadowed next: the one whose drawn chance of being right is highest (W. Thompson 1933), so that
 * each is tried as often as it may yet be the best. Within a certification window it is the window's, always.
 *
 * Only drawn labels may count here and training calls alone: what is chosen on calibration calls cannot be judged by
 * them.
 */
export function chooseCandidate(options: {
  candidates: readonly { id: string; good: number; bad: number }[];
  window: CertificationWindow | null;
  /** In [0, 1). */
  random: () => number;
}): string | null {
  const { candidates, window, random } = options;
  if (window !== null) return window.candidate;
  let best: { id: string; chance: number } | null = null;
  for (const { id, good, bad } of candidates) {
    const chance = betaDraw({ a: good, b: bad, random });
    if (best === null || chance > best.chance) best = { id, chance };
  }
  return best?.id ?? null;
}
