import { type CalibrationSet, calibrationSet } from "../../src/routing/guarantee/calibration-set.ts";
import {
  type CertificationWindow,
  type Family,
  type Method,
  openWindow,
  type Thresholds,
  thresholdsFrom,
} from "../../src/routing/guarantee/certification-window.ts";
import type { DrawnOutcome } from "../../src/routing/guarantee/drawn-outcome.ts";
import { certify } from "../../src/routing/guarantee/learn-then-test.ts";
import { type Draw, draw } from "../../src/routing/guarantee/lottery.ts";
import { trainingOnly } from "../../src/routing/guarantee/split.ts";
import { type Pool, SERVED } from "./pools.ts";

/** How a run is judged. `every` looks: the first that certifies anything ends it, as a hasty operator would. */
export type Schedule = { method: Method; labels: number; every: number | null };

export const DELTA = 0.1;

/** Thresholds at these scores, chosen on training calls as the product does. */
export function thresholdsOf(scores: readonly number[]): Thresholds {
  const rows = Array.from({ length: 4_000 }, (_, at) => ({ splitKey: `training ${at}` }));
  const training = trainingOnly(rows).slice(0, 100 * scores.length);
  return thresholdsFrom(
    training.map((row, at) => ({ ...row, score: scores[at % scores.length] ?? Number.NaN })),
    { steps: scores.length },
  );
}

const LAST = "call_~";

/** The window's draws of the calibration side: calls are drawn by the product's lottery until there are enough. */
function drawsOf(window: CertificationWindow, count: number): Draw[] {
  const draws: Draw[] = [];
  for (let at = 0; draws.length < count; at++) {
    const call = { id: `call_${String(at).padStart(9, "0")}`, splitKey: `session ${at}` };
    const drawn = draw(window.lottery, call);
    if (drawn?.side === "calibration") draws.push(drawn);
  }
  return draws;
}

/**
 * One trial: calibration runs of one pool under one schedule. Gives back, for each run, the threshold that it ended
 * with, null for none.
 */
export function calibrationRuns(options: {
  pool: Pool;
  schedule: Schedule;
  epsilon: number;
  family: Family;
  thresholds: Thresholds;
  runs: number;
  random: () => number;
}): (number | null)[] {
  const { pool, schedule, epsilon, family: before, thresholds, runs, random } = options;
  const { window, family } = openWindow({
    id: "window",
    family: before,
    candidate: "slm",
    fingerprint: SERVED,
    seed: "simulated",
    share: 0.5,
    epsilon,
    thresholds,
    method: schedule.method,
  });
  const draws = drawsOf(window, schedule.labels);
  const looks =
    schedule.every === null
      ? [schedule.labels]
      : draws.flatMap((_, at) => ((at + 1) % (schedule.every ?? 1) === 0 ? at + 1 : []));
  return Array.from({ length: runs }, () => {
    const outcomes = new Map<string, DrawnOutcome>();
    for (const { callId } of draws) {
      const outcome = pool.outcomes[Math.floor(random() * pool.outcomes.length)];
      if (outcome !== undefined) outcomes.set(callId, outcome);
    }
    for (const look of looks) {
      const set = setOf({ window, draws: look === draws.length ? draws : draws.slice(0, look), outcomes });
      const { threshold } = certify({ family, window, set });
      if (threshold !== null) return threshold;
    }
    return null;
  });
}

function setOf(options: {
  window: CertificationWindow;
  draws: readonly Draw[];
  outcomes: ReadonlyMap<string, DrawnOutcome>;
}): CalibrationSet {
  const set = calibrationSet({ ...options, settledBefore: LAST });
  if ("problem" in set) throw new Error(set.message);
  return set;
}
