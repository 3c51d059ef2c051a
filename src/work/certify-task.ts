import { firstIdAt } from "../ledger/call-id.ts";
import { calibrationSet } from "../routing/guarantee/calibration-set.ts";
import {
  type CertificationWindow,
  openWindow,
  thresholdsFrom,
} from "../routing/guarantee/certification-window.ts";
import type { DrawnOutcome } from "../routing/guarantee/drawn-outcome.ts";
import type { Fingerprint } from "../routing/guarantee/fingerprint.ts";
import { type Certification, certify } from "../routing/guarantee/learn-then-test.ts";
import { type Draw, draw, type Lottery } from "../routing/guarantee/lottery.ts";
import { trainingOnly } from "../routing/guarantee/split.ts";
import { allTried, triedOf } from "./choose-candidate.ts";
import { explorationLottery } from "./lotteries.ts";
import type { DrawRecord, Task, Terms } from "./task.ts";

/** Scored calls of the training side before thresholds are chosen on them. */
const TRAINING_CALLS = 20;
/** Thresholds that are tested, from strict to lax. */
const STEPS = 8;
/** A certificate is used once this many draws are settled, or once its laxest threshold holds. */
const ENOUGH_DRAWS = 150;
/** Within this time of its end a call is told of. */
const TOLD_WITHIN_MS = 2_000;
/** A draw that has not come back by then is lost. */
export const SETTLED_AFTER_MS = 24 * 3_600_000;
/** A window that has certified nothing by then never will be worth its wait: it is closed, and what it spent is gone. */
const MOST_DRAWS = 3_000;

/**
 * The id before which all calls are over and told of. Of calls that began later some may be under way, and those that are not are
 * the quick ones: no random sample.
 */
export const overBefore = (now: number, longestCallMs: number): string =>
  firstIdAt(now - longestCallMs - TOLD_WITHIN_MS);

const isSame = (terms: Terms, now: Terms): boolean =>
  terms.epsilon === now.epsilon &&
  terms.delta === now.delta &&
  terms.share === now.share &&
  terms.judge === now.judge &&
  terms.feedbackThreshold === now.feedbackThreshold;

/**
 * A task in its shadow, after a look at its draws: with a window where enough is known to open one, with a certificate where
 * its window has one, and without window where that has failed (`failed`: with what) or was opened on other terms than today's
 * (`closed`). `decided`: the lottery whose labels stand from here on.
 */
export function lookAtTask(options: {
  task: Task;
  /** All of the task's. */
  draws: readonly DrawRecord[];
  /** Today's. */
  policy: Terms;
  /** The longest that a call may take; milliseconds. */
  longestCallMs: number;
  /** Milliseconds since the epoch. */
  now: number;
  newId: () => string;
}): { task: Task; decided: string | null; failed: Certification | null; closed: boolean } {
  const { task, draws, policy, longestCallMs, now, newId } = options;
  const { window } = task;
  const same = { task, decided: null, failed: null, closed: false };
  if (window === null) {
    const opened = task.certification === null ? windowFor({ task, draws, policy, newId }) : null;
    if (opened === null) return same;
    return { ...same, task: { ...task, ...opened, lottery: opened.window.lottery } };
  }
  const { terms } = task;
  const explored = (): Task => ({
    ...task,
    window: null,
    terms: null,
    lottery: explorationLottery({ drawn: draws.length, newId }),
  });
  if (terms == null || !isSame(terms, policy)) return { ...same, task: explored(), closed: true };
  const begunBefore = overBefore(now, longestCallMs);
  const own = draws.filter(
    ({ lotteryId, callId }) => lotteryId === window.lottery.id && callId < begunBefore,
  );
  const settledBefore = firstIdAt(now - SETTLED_AFTER_MS);
  const state = lookAt({ task, window, draws: own, delta: terms.delta, settledBefore });
  if (state.state === "open") return same;
  const { certification } = state;
  const decided = window.lottery.id;
  if (state.state === "certified")
    return { ...same, task: { ...task, certification, window: null }, decided };
  return { ...same, task: explored(), decided, failed: certification };
}

/** Opens the next window of a task once enough is known to choose thresholds; null until then. */
function windowFor(options: {
  task: Task;
  draws: readonly DrawRecord[];
  policy: Terms;
  newId: () => string;
}): { window: CertificationWindow; attempts: number; terms: Terms } | null {
  const { task, draws, policy, newId } = options;
  const { candidate } = task;
  if (candidate === null || !allTried(triedOf(task.candidates ?? [], draws))) return null;
  // What was drawn before this shadow began was of what has been taken back since; an audit has no score.
  const scored = draws.flatMap(({ kind, at, splitKey, outcome }) =>
    kind === "shadow" &&
    at >= task.stageSince &&
    outcome?.fingerprint === candidate.fingerprint &&
    outcome.answer.kind === "scored"
      ? [{ splitKey, score: outcome.answer.score }]
      : [],
  );
  const training = trainingOnly(scored);
  if (training.length < TRAINING_CALLS) return null;
  const { window, family } = openWindow({
    id: newId(),
    family: { taskId: task.id, delta: policy.delta, attempts: task.attempts },
    candidate: candidate.model,
    fingerprint: candidate.fingerprint as Fingerprint,
    seed: newId(),
    share: policy.share,
    epsilon: policy.epsilon,
    thresholds: thresholdsFrom(training, { steps: STEPS }),
    method: { kind: "betting" },
  });
  return { window, attempts: family.attempts, terms: policy };
}

/** A draw as it was made: made again, so that a record that was tampered with is no draw. */
function redrawn(lottery: Lottery, { callId, splitKey }: DrawRecord): Draw[] {
  const found = draw(lottery, { id: callId, splitKey });
  return found === null ? [] : [found];
}

/** How a window stands: undecided, certified, or closed without. */
type WindowState =
  | { state: "open"; certification: Certification | null }
  | { state: "certified"; certification: Certification }
  | { state: "failed"; certification: Certification };

/** Looks at an open window: allowed after every label, since the test is an e-process. */
function lookAt(options: {
  task: Task;
  window: CertificationWindow;
  draws: readonly DrawRecord[];
  delta: number;
  /** Draws before this call are lost if they have not come by now. */
  settledBefore: string;
}): WindowState {
  const { task, window, settledBefore } = options;
  const outcomes = new Map<string, DrawnOutcome>();
  for (const { callId, outcome } of options.draws) {
    if (outcome === null) continue;
    const { basis, answer, label } = outcome;
    // An answer of something else is none of the window's candidate.
    const own = outcome.fingerprint === window.fingerprint;
    outcomes.set(callId, {
      fingerprint: window.fingerprint,
      basis,
      answer: own ? answer : { kind: "missing" },
      label: own ? label : "missing",
    });
  }
  const set = calibrationSet({
    window,
    draws: options.draws.flatMap((record) => redrawn(window.lottery, record)),
    outcomes,
    settledBefore,
  });
  if ("problem" in set) return { state: "open", certification: null };
  const family = { taskId: task.id, delta: options.delta, attempts: task.attempts };
  const certification = certify({ family, window, set });
  const { threshold, n } = certification;
  const laxest = threshold !== null && threshold === window.thresholds.at(-1);
  if (threshold !== null && (laxest || n >= ENOUGH_DRAWS)) return { state: "certified", certification };
  return n >= MOST_DRAWS ? { state: "failed", certification } : { state: "open", certification };
}
