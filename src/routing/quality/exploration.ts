import type { CertificationWindow } from "../guarantee/certification-window.ts";

const LEAST = 0.01;

/**
 * The share of a task's calls that are shadowed: c/√n, at least 1 % and at most all, n being the calls drawn so far. New
 * tasks are looked at closely, and all that is ever spent grows with the root of the traffic. Within a certification
 * window it is the window's, since a draw whose probability moves with what was drawn is no sample.
 */
export function shadowShare(options: {
  drawn: number;
  /** c; 10 shadows every call until the hundredth. */
  eagerness: number;
  window: CertificationWindow | null;
}): number {
  const { drawn, eagerness, window } = options;
  if (window !== null) return window.lottery.share;
  return Math.min(1, Math.max(LEAST, eagerness / Math.sqrt(Math.max(1, drawn))));
}
