import type { Fingerprint } from "./fingerprint.ts";
import type { Lottery } from "./lottery.ts";
import type { Training } from "./split.ts";

/** What a task may be wrong about in all its life: every attempt at promoting any candidate spends of one δ. */
export interface Family {
  taskId: string;
  /** The probability, over all attempts together, that any certifies what is not so. */
  delta: number;
  /** How many attempts were opened, given up ones included. */
  attempts: number;
}

/**
 * What the i-th attempt may spend, i from 1: δ·6/(π²i²), which sums to δ over however many attempts there will be
 * (union bound with Euler's sum of inverse squares).
 */
export function deltaOfAttempt(options: { delta: number; attempt: number }): number {
  const { delta, attempt } = options;
  if (!Number.isInteger(attempt) || attempt < 1)
    throw new RangeError(`attempts count from 1, not ${attempt}`);
  return (delta * 6) / (Math.PI * attempt) ** 2;
}

declare const fromTraining: unique symbol;

/** Thresholds from strict to lax, chosen on training calls alone: only `thresholdsFrom` makes them. */
export type Thresholds = readonly number[] & { readonly [fromTraining]: true };

/** How the evidence is judged; chosen before there is any. */
export type Method =
  /** The exact binomial tail over the first `n` draws, once. */
  | { kind: "binomial"; n: number }
  /** An e-process, that may be looked at after every label. */
  | { kind: "betting" };

/**
 * One attempt: a candidate, as it serves, on draws that are made after all else is settled. Plain data, fixed when it
 * is opened; while it is open neither the draw's share nor the candidate moves.
 */
export interface CertificationWindow {
  id: string;
  taskId: string;
  candidate: string;
  fingerprint: Fingerprint;
  lottery: Lottery;
  /** The largest loss that may be certified. */
  epsilon: number;
  /** Which attempt of its family this is, from 1, and what it may spend. */
  attempt: number;
  delta: number;
  /** From strict to lax: the order in which they are tested. */
  thresholds: readonly number[];
  method: Method;
}

/**
 * Opens the next attempt of a task's family. What it spends is gone, whether or not the attempt comes to an end.
 * @throws RangeError for an ε or δ outside (0, 1), and for thresholds that do not go down.
 */
export function openWindow(options: {
  id: string;
  family: Family;
  candidate: string;
  fingerprint: Fingerprint;
  /** Random, secret; see `Lottery`. */
  seed: string;
  share: number;
  epsilon: number;
  thresholds: Thresholds;
  method: Method;
}): { window: CertificationWindow; family: Family } {
  const { family, id, seed, share, epsilon, thresholds, method } = options;
  for (const [name, value] of [
    ["epsilon", epsilon],
    ["delta", family.delta],
  ] as const)
    if (!(value > 0 && value < 1)) throw new RangeError(`${name} is above 0 and below 1, not ${value}`);
  checkThresholds(thresholds);
  if (method.kind === "binomial" && !(Number.isInteger(method.n) && method.n > 0))
    throw new RangeError(`a binomial test counts at least one draw, not ${method.n}`);
  const attempt = family.attempts + 1;
  return {
    family: { ...family, attempts: attempt },
    window: {
      id,
      taskId: family.taskId,
      candidate: options.candidate,
      fingerprint: options.fingerprint,
      lottery: { id, seed, share },
      epsilon,
      attempt,
      delta: deltaOfAttempt({ delta: family.delta, attempt }),
      thresholds,
      method,
    },
  };
}

/** Testing starts where least is released: what is harmless is not lost to a bad threshold before it. */
function checkThresholds(thresholds: readonly number[]): void {
  const falling = thresholds.every((value, at) => at === 0 || value < (thresholds[at - 1] ?? Number.NaN));
  if (thresholds.length === 0 || !falling || thresholds.some(Number.isNaN))
    throw new RangeError(
      `thresholds go from strict to lax, each below the one before: ${thresholds.join(", ")}`,
    );
}

/**
 * The thresholds to test, from what the candidate scored on training calls: they release about 1/steps of those, then
 * 2/steps, and so on to all. Empty where there is no such call.
 */
export function thresholdsFrom(
  examples: readonly Training<{ score: number }>[],
  options: { steps: number },
): Thresholds {
  const scores = examples.map(({ score }) => score).sort((a, b) => b - a);
  const chosen: number[] = [];
  for (let step = 1; step <= options.steps; step++) {
    const score = scores[Math.ceil((scores.length * step) / options.steps) - 1];
    if (score !== undefined && score < (chosen.at(-1) ?? Number.POSITIVE_INFINITY)) chosen.push(score);
  }
  return chosen as readonly number[] as Thresholds;
}
