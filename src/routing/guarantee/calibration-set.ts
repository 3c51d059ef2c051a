import type { CertificationWindow } from "./certification-window.ts";
import { type DrawnOutcome, NOTHING } from "./drawn-outcome.ts";
import type { Draw } from "./lottery.ts";

declare const calibrationSide: unique symbol;

/** What an attempt is judged by: the window's draws of the calibration side, in the order of the calls, none left out. */
export type CalibrationSet = Readonly<{
  windowId: string;
  outcomes: readonly Pick<DrawnOutcome, "answer" | "label">[];
  /** Draws of which something is missing: they are in `outcomes`, as losses. */
  missing: number;
}> & { readonly [calibrationSide]: true };

/** Why draws are no evidence for a window, and what to do. */
export interface SetProblem {
  problem: "foreign_draw" | "drawn_twice" | "fingerprint_changed" | "score_basis" | "too_few";
  message: string;
}

/**
 * Takes all draws of a window and what has become of them. A draw without an outcome is missing, and so a loss, once
 * its call is older than `settledBefore`; the first that is younger ends the set, whatever came back after it, since
 * quick answers are no random sample. A binomial window's set is its first `n` draws and nothing after them: that is
 * what makes a second look the same look.
 */
export function calibrationSet(options: {
  window: CertificationWindow;
  draws: readonly Draw[];
  /** By call id. */
  outcomes: ReadonlyMap<string, DrawnOutcome>;
  /** A call id, which sorts by time: labels of calls before it are not waited for. */
  settledBefore: string;
}): CalibrationSet | SetProblem {
  const { window, draws, outcomes, settledBefore } = options;
  const foreign = draws.find(({ lotteryId }) => lotteryId !== window.lottery.id);
  if (foreign !== undefined)
    return {
      problem: "foreign_draw",
      message: `Call ${foreign.callId} was drawn by lottery ${foreign.lotteryId}, not by this window's (${window.lottery.id}): leave it out.`,
    };
  const ordered = draws
    .filter(({ side }) => side === "calibration")
    .sort((a, b) => (a.callId < b.callId ? -1 : 1));
  const twice = ordered.find(({ callId }, at) => callId === ordered[at - 1]?.callId);
  if (twice !== undefined)
    return {
      problem: "drawn_twice",
      message: `Call ${twice.callId} is there twice: a draw counts once.`,
    };
  const set: Pick<DrawnOutcome, "answer" | "label">[] = [];
  const most = window.method.kind === "binomial" ? window.method.n : Number.POSITIVE_INFINITY;
  for (const { callId } of ordered) {
    if (set.length === most) break;
    const outcome = outcomes.get(callId);
    if (outcome === undefined && callId >= settledBefore) break;
    const problem = outcome === undefined ? null : misfit({ window, callId, outcome });
    if (problem !== null) return problem;
    set.push(outcome ?? NOTHING);
  }
  if (window.method.kind === "binomial" && set.length < most)
    return {
      problem: "too_few",
      message: `${set.length} of the ${most} draws of this window are settled: a binomial test is made once, when all are.`,
    };
  const missing = set.filter(({ answer, label }) => answer.kind === "missing" || label === "missing").length;
  return { windowId: window.id, outcomes: set, missing } as unknown as CalibrationSet;
}

function misfit(options: {
  window: CertificationWindow;
  callId: string;
  outcome: DrawnOutcome;
}): SetProblem | null {
  const { window, callId, outcome } = options;
  const { answer, basis, fingerprint } = outcome;
  if (fingerprint !== window.fingerprint)
    return {
      problem: "fingerprint_changed",
      message: `Call ${callId} was answered by ${fingerprint}, and the window is about ${window.fingerprint}: what serves has changed, open a new window.`,
    };
  if (answer.kind === "scored" && answer.basis !== basis)
    return {
      problem: "score_basis",
      message: `The score of call ${callId} is of the ${answer.basis}, its release is decided by the ${basis}: score what is known then.`,
    };
  return null;
}
