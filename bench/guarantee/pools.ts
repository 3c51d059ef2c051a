import type { Answer, DrawnOutcome, Label } from "../../src/routing/guarantee/drawn-outcome.ts";
import type { Fingerprint } from "../../src/routing/guarantee/fingerprint.ts";

/** All calls of a simulated task; runs draw from it with replacement, and its mean is the truth. */
export interface Pool {
  outcomes: readonly DrawnOutcome[];
  /** Whether the SLM was really wrong, labelled or not: by place. */
  wrong: readonly boolean[];
}

export const SERVED = "sf1_simulated" as Fingerprint;
const SIZE = 10_000;

/** Scores are these, so that what a threshold releases is known: 1 is the strictest tenth. */
export const SCORES: readonly number[] = Array.from({ length: 10 }, (_, at) => 1 - at / 10);

interface Item {
  score: number;
  wrong: boolean;
  labelled?: boolean;
  answered?: boolean;
}

function poolOf(items: readonly Item[]): Pool {
  return {
    outcomes: items.map(({ score, wrong, labelled = true, answered = true }) => {
      const answer: Answer = answered ? { kind: "scored", score, basis: "whole" } : { kind: "missing" };
      const label: Label = labelled && answered ? (wrong ? "wrong" : "fine") : "missing";
      return { fingerprint: SERVED, basis: "whole", answer, label };
    }),
    wrong: items.map(({ wrong }) => wrong),
  };
}

/** Items in tenths of falling score; `wrongIn` says how many of each tenth are wrong. */
function tenths(wrongIn: (tenth: number) => number): Item[] {
  return SCORES.flatMap((score, tenth) =>
    Array.from({ length: SIZE / 10 }, (_, at) => ({ score, wrong: at < wrongIn(tenth) })),
  );
}

/** The least number of wrong answers with which the pool's loss is above ε. */
const above = (epsilon: number): number => Math.floor(epsilon * SIZE + 1e-9) + 1;

/** The pools of a guarantee's trial, by name: where the truth lies about ε. */
export const POOLS: Record<string, (epsilon: number) => Pool> = {
  /** The strictest threshold is already above ε, by one call in 10,000: nothing may be certified. */
  above_at_once: (epsilon) => poolOf(tenths((tenth) => (tenth === 0 ? above(epsilon) : 0))),
  /** Nothing is wrong but in the laxest tenth, which puts the loss above ε by one call. */
  above_at_last: (epsilon) => poolOf(tenths((tenth) => (tenth === 9 ? above(epsilon) : 0))),
  /** The same with one wrong call less: the loss is exactly ε. */
  exactly: (epsilon) => poolOf(tenths((tenth) => (tenth === 9 ? above(epsilon) - 1 : 0))),
  /** A score that tells something: three times ε is wrong, most of it where the score is low. */
  telling: (epsilon) => poolOf(tenths((tenth) => Math.round((3 * epsilon * SIZE * (tenth + 1) ** 2) / 385))),
  /** As `telling`; one call in 50 has no label, one in 200 no answer, wrong ones as often as right ones. */
  missing: (epsilon) =>
    poolOf(
      tenths((tenth) => Math.round((3 * epsilon * SIZE * (tenth + 1) ** 2) / 385)).map((item, at) => ({
        ...item,
        labelled: at % 50 !== 7,
        answered: at % 200 !== 11,
      })),
    ),
};

/** Every call is released by the one threshold, and this share of them is wrong. */
export function evenPool(loss: number): Pool {
  return poolOf(Array.from({ length: SIZE }, (_, at) => ({ score: 1, wrong: at < Math.round(loss * SIZE) })));
}

const scoreOf = ({ answer }: DrawnOutcome): number => (answer.kind === "scored" ? answer.score : -1);

/** The true loss over all of the pool's calls at a threshold: by counting, with none of the product's code. */
export function trueLoss(pool: Pool, threshold: number): number {
  let losses = 0;
  for (const [at, outcome] of pool.outcomes.entries())
    if (pool.wrong[at] === true && scoreOf(outcome) >= threshold) losses += 1;
  return losses / pool.outcomes.length;
}

/** The share of the pool's calls that a threshold releases. */
export function releasedShare(pool: Pool, threshold: number): number {
  return pool.outcomes.filter((outcome) => scoreOf(outcome) >= threshold).length / pool.outcomes.length;
}
