import type { Family } from "../src/routing/guarantee/certification-window.ts";
import { seededRandom } from "../src/routing/statistics/seeded-random.ts";
import { calibrationRuns, DELTA, type Schedule, thresholdsOf } from "./guarantee/calibration-runs.ts";
import { detectionDelay, falseAlarms } from "./guarantee/drift.ts";
import { bettingCertifies, binomialCertifies, slowBinomial } from "./guarantee/oracle.ts";
import { evenPool, POOLS, type Pool, releasedShare, SCORES, trueLoss } from "./guarantee/pools.ts";
import type { Benchmark, Measured } from "./lib/report.ts";
import { rounded } from "./lib/stats.ts";

const SEED = 20_261_124;
const RUNS = 1_000;
/** Of cells at the edge of δ, where a share must be known well; the schedule with looks certifies forty times a run. */
const RUNS_AT_THE_EDGE = 10_000;
const AT_THE_EDGE: readonly string[] = ["above_at_once", "above_at_last", "telling"];
const EPSILONS: readonly number[] = [0.01, 0.02, 0.05];
const LABELS = 2_000;
const LOOK_EVERY = 50;

const percent = (epsilon: number): number => Math.round(epsilon * 100);

/** A family whose first attempt may spend all of δ, so that violations are held against δ itself. */
const GENEROUS: Family = { taskId: "task", delta: (DELTA * Math.PI ** 2) / 6, attempts: 0 };
/** A task's family as it is: its first attempt spends 0.061. */
const FAMILY: Family = { taskId: "task", delta: DELTA, attempts: 0 };

/** Draws that suffice when none is lost: there the binomial test is at its δ, most likely to be wrong. */
const fewest = (epsilon: number): number => Math.ceil(Math.log(DELTA) / Math.log(1 - epsilon));

function schedules(epsilon: number): Record<string, Schedule> {
  const n = fewest(epsilon);
  return {
    [`binomial_${n}`]: { method: { kind: "binomial", n }, labels: n, every: null },
    binomial_300: { method: { kind: "binomial", n: 300 }, labels: 300, every: null },
    betting_every_label: { method: { kind: "betting" }, labels: LABELS, every: null },
    [`betting_every_${LOOK_EVERY}`]: { method: { kind: "betting" }, labels: LABELS, every: LOOK_EVERY },
  };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** A threshold whose loss is exactly ε counts too: certifying it is right, and must be no likelier for that. */
function violations(options: { pool: Pool; ends: readonly (number | null)[]; epsilon: number }): number {
  const { pool, ends, epsilon } = options;
  return mean(ends.map((end) => (end !== null && trueLossOf(pool, end) >= epsilon - 1e-12 ? 1 : 0)));
}

const known = new WeakMap<Pool, Map<number, number>>();
function trueLossOf(pool: Pool, threshold: number): number {
  const losses = known.get(pool) ?? new Map<number, number>();
  known.set(pool, losses);
  const loss = losses.get(threshold) ?? trueLoss(pool, threshold);
  losses.set(threshold, loss);
  return loss;
}

/** Every pool under every schedule; the figure is the worst of all of them. */
function violationFigures(random: () => number): Record<string, number> {
  const figures: Record<string, number> = {};
  const thresholds = thresholdsOf(SCORES);
  for (const epsilon of EPSILONS) {
    const cells: Record<string, number> = {};
    for (const [poolName, make] of Object.entries(POOLS)) {
      const pool = make(epsilon);
      const best = Math.max(
        0,
        ...SCORES.filter((score) => trueLossOf(pool, score) <= epsilon + 1e-12).map((score) =>
          releasedShare(pool, score),
        ),
      );
      for (const [name, schedule] of Object.entries(schedules(epsilon))) {
        const ends = calibrationRuns({
          pool,
          schedule,
          epsilon,
          family: GENEROUS,
          thresholds,
          runs: schedule.every === null && AT_THE_EDGE.includes(poolName) ? RUNS_AT_THE_EDGE : RUNS,
          random,
        });
        cells[`violations_eps${percent(epsilon)}_${poolName}_${name}`] = rounded(
          violations({ pool, ends, epsilon }),
          4,
        );
        if (poolName === "telling")
          cells[`share_of_best_eps${percent(epsilon)}_${name}`] = rounded(
            mean(ends.map((end) => (end === null ? 0 : releasedShare(pool, end)))) / best,
          );
      }
    }
    const worst = Math.max(...Object.entries(cells).flatMap(([name, v]) => (name.startsWith("v") ? v : [])));
    Object.assign(figures, { [`violations_eps${percent(epsilon)}`]: worst, ...cells });
  }
  return figures;
}

/** Where one threshold releases all: how often each method certifies, beside its exact probability. */
function powerFigures(random: () => number): Record<string, number> {
  const figures: Record<string, number> = {};
  const thresholds = thresholdsOf([1]);
  const certified = (epsilon: number, loss: number, schedule: Schedule): number =>
    mean(
      calibrationRuns({
        pool: evenPool(loss),
        schedule,
        epsilon,
        family: FAMILY,
        thresholds,
        runs: RUNS,
        random,
      }).map((end) => (end === null ? 0 : 1)),
    );
  const delta = (DELTA * 6) / Math.PI ** 2;
  let furthest = 0;
  for (const epsilon of EPSILONS) {
    for (const n of [150, 300, 600]) {
      for (const part of [0, 4, 2, 1]) {
        // Rounded, so that the pool holds exactly this loss.
        const loss = part === 0 ? 0 : Math.round((epsilon / part) * 10_000) / 10_000;
        for (const kind of ["binomial", "betting"] as const) {
          const method = kind === "binomial" ? { kind, n } : { kind };
          const share = certified(epsilon, loss, { method, labels: n, every: null });
          const exact = (kind === "binomial" ? binomialCertifies : bettingCertifies)({
            n,
            epsilon,
            delta,
            loss,
          });
          const error = Math.sqrt((exact * (1 - exact)) / RUNS);
          if (error > 0) furthest = Math.max(furthest, Math.abs(share - exact) / error);
          else if (share !== Math.round(exact)) furthest = Number.POSITIVE_INFINITY;
          const name = `power_eps${percent(epsilon)}_n${n}_loss${part === 0 ? "0" : `_eps_over_${part}`}`;
          figures[`${name}_${kind}`] = rounded(share);
          figures[`${name}_${kind}_exact`] = rounded(exact);
        }
      }
    }
  }
  return {
    power_eps2: figures.power_eps2_n300_loss_eps_over_4_binomial ?? Number.NaN,
    oracle_furthest_standard_errors: rounded(furthest),
    ...figures,
  };
}

/** Five attempts, each at a candidate whose loss is above ε: how many families ever certify one. */
function familyFigures(random: () => number): Record<string, number> {
  const epsilon = 0.02;
  const pool = evenPool(epsilon + 0.0001);
  const thresholds = thresholdsOf([1]);
  const attempts = Array.from({ length: 5 }, (_, before) =>
    calibrationRuns({
      pool,
      schedule: { method: { kind: "betting" }, labels: LABELS, every: null },
      epsilon,
      family: { ...FAMILY, attempts: before },
      thresholds,
      runs: RUNS,
      random,
    }),
  );
  const wrong = Array.from({ length: RUNS }, (_, run) =>
    attempts.some((ends) => (ends[run] ?? null) !== null) ? 1 : 0,
  );
  return { violations_family_of_5_attempts: mean(wrong) };
}

/** What not to do: the binomial test repeated as labels arrive, with none of the product's code. */
function peekingFigure(random: () => number): Record<string, number> {
  const epsilon = 0.02;
  const runs = Array.from({ length: RUNS }, () => {
    let losses = 0;
    for (let n = 1; n <= LABELS; n++) {
      losses += random() < epsilon + 0.0001 ? 1 : 0;
      if (n % LOOK_EVERY === 0 && slowBinomial(losses, n, epsilon) <= DELTA) return 1;
    }
    return 0;
  });
  return { violations_of_a_repeated_binomial_test: mean(runs) };
}

function driftFigures(random: () => number): Record<string, number> {
  const figures: Record<string, number> = {};
  const jump = 0.05;
  let slowest = 0;
  let falsest = 0;
  for (const alarmRate of [0.01, 0.001, 0.0001]) {
    for (const epsilon of EPSILONS) {
      const cell = `eps${percent(epsilon)}_1_in_${Math.round(1 / alarmRate)}`;
      const after = epsilon + jump;
      const nats = after * Math.log(after / epsilon) + (1 - after) * Math.log((1 - after) / (1 - epsilon));
      for (const [name, before] of [
        ["from_eps", epsilon],
        ["from_eps_over_4", epsilon / 4],
      ] as const) {
        const delay = detectionDelay({ epsilon, alarmRate, before, jump, runs: 400, random });
        const ratio = delay / (Math.log(1 / alarmRate) / nats);
        slowest = Math.max(slowest, ratio);
        figures[`drift_delay_audits_${cell}_${name}`] = delay;
        figures[`drift_delay_ratio_${cell}_${name}`] = rounded(ratio);
      }
      const rate = falseAlarms({ epsilon, alarmRate, loss: epsilon, runs: 400, most: 1_000_000, random });
      falsest = Math.max(falsest, rate / alarmRate);
      figures[`false_alarms_over_stated_${cell}`] = rounded(rate / alarmRate);
    }
  }
  return {
    drift_delay_ratio: rounded(slowest),
    false_alarms_over_stated: rounded(falsest),
    ...figures,
  };
}

async function run(): Promise<Measured> {
  const random = seededRandom(SEED);
  return {
    conditions: {
      seed: SEED,
      runs: `${RUNS} a cell (${RUNS_AT_THE_EDGE} of ${AT_THE_EDGE.join(", ")} with one look), drawn with replacement from pools of 10,000 calls whose mean is the truth`,
      delta: `${DELTA}; power and families with what a first attempt may spend, ${rounded((DELTA * 6) / Math.PI ** 2, 4)}`,
      "violations_eps…": `the worst cell: pools ${Object.keys(POOLS).join(", ")}; ${Object.keys(schedules(0.02)).join(", ")} (ε 2 %), up to ${LABELS} labels; a loss of exactly ε counts as a violation; standard error of a share of 0.1: ${rounded(Math.sqrt(0.09 / RUNS_AT_THE_EDGE), 4)} of ${RUNS_AT_THE_EDGE} runs, ${rounded(Math.sqrt(0.09 / RUNS), 4)} of ${RUNS}`,
      drift: "400 runs a cell, a jump of 5 points after 300 calm audits; the figure is the worst cell",
    },
    figures: {
      ...violationFigures(random),
      ...powerFigures(random),
      ...familyFigures(random),
      ...peekingFigure(random),
      ...driftFigures(random),
    },
  };
}

/** The guarantee, against an oracle: violations, power, delay and false alarms. */
export const guarantee: Benchmark = {
  about: "simulated calibration runs and drift: violations, power, delays, false alarms",
  run,
};
