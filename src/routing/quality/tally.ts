import { betaQuantile } from "../statistics/incomplete-beta.ts";

/** Outcomes of one kind (right or wrong, accepted or escalated) of one task and model, older ones weighing less. */
export interface Tally {
  /** Weight of the outcomes that were good, and of all, as of `at`. */
  good: number;
  all: number;
  /** When the last outcome came, in milliseconds since the epoch. */
  at: number;
}

export const NO_OUTCOMES: Tally = { good: 0, all: 0, at: 0 };

/** What an outcome's weight has become: half after each half-life. A clock that jumps back takes nothing. */
function faded(tally: Tally, options: { at: number; halfLifeMs: number }): Tally {
  const age = Math.max(0, options.at - tally.at);
  const left = tally.all === 0 ? 0 : 2 ** (-age / options.halfLifeMs);
  return { good: tally.good * left, all: tally.all * left, at: Math.max(tally.at, options.at) };
}

/** The tally after one more outcome; `good` in [0, 1], for scores between right and wrong. */
export function withOutcome(tally: Tally, outcome: { good: number; at: number; halfLifeMs: number }): Tally {
  const before = faded(tally, outcome);
  // An outcome from before the last one counts as much less as it is older.
  const weight = 2 ** (-Math.max(0, before.at - outcome.at) / outcome.halfLifeMs);
  return {
    good: before.good + weight * Math.min(1, Math.max(0, outcome.good)),
    all: before.all + weight,
    at: before.at,
  };
}

/** What is believed before there is any outcome, and how many outcomes it weighs as much as. */
export interface Prior {
  mean: number;
  strength: number;
}

/** A task's own mean counts for half after so many outcomes. */
export const SHRINKAGE = 20;

/** The parameters of the Beta distribution that the outcomes leave of the prior. */
export function beta(
  tally: Tally,
  options: { prior: Prior; at: number; halfLifeMs: number },
): { good: number; bad: number } {
  const { prior } = options;
  const { good, all } = faded(tally, options);
  return {
    good: good + prior.strength * prior.mean,
    bad: all - good + prior.strength * (1 - prior.mean),
  };
}

/** The shrunken mean, (Σ w·y + m·prior) / (Σ w + m): the mean of that Beta distribution. */
export function shrunkenMean(
  tally: Tally,
  options: { prior: Prior; at: number; halfLifeMs: number },
): number {
  const { good, bad } = beta(tally, options);
  return good / (good + bad);
}

/** Where the rate lies with this probability, between equal tails, by the same Beta distribution: for people to see. */
export function credibleInterval(
  tally: Tally,
  options: { prior: Prior; at: number; halfLifeMs: number; probability: number },
): { low: number; high: number } {
  const { good, bad } = beta(tally, options);
  const tail = (1 - options.probability) / 2;
  return { low: betaQuantile(tail, good, bad), high: betaQuantile(1 - tail, good, bad) };
}

/**
 * What is believed of a task before its own outcomes: what its tool set's outcomes say, which are shrunken to what all
 * calls of the model say (back-off key, tools, global).
 */
export function backedOffPrior(options: {
  tools: Tally;
  all: Tally;
  /** For a model of which nothing is known at all. */
  unknown: number;
  at: number;
  halfLifeMs: number;
}): Prior {
  const { tools, all, unknown, at, halfLifeMs } = options;
  const overall = shrunkenMean(all, { prior: { mean: unknown, strength: SHRINKAGE }, at, halfLifeMs });
  const mean = shrunkenMean(tools, { prior: { mean: overall, strength: SHRINKAGE }, at, halfLifeMs });
  return { mean, strength: SHRINKAGE };
}
