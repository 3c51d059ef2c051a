import type { Training } from "../guarantee/split.ts";
import { fitIsotonic, type Isotonic, isotonicAt } from "./isotonic.ts";
import { fitLogistic, logistic, logit } from "./logistic.ts";

/** What an answer shows before its release, by name; null where it does not tell. */
export type Evidence = Readonly<Record<string, number | null>>;

/** One answer of the training side, and whether it was acceptable. */
export interface ConfidenceExample {
  evidence: Evidence;
  right: boolean;
}

/** Turns an answer's evidence into the probability that it is acceptable. Plain data, kept with the candidate. */
export interface ConfidenceModel {
  /** How each named value is brought to about -2 to 2, in the order of the weights. */
  scales: readonly { name: string; mean: number; deviation: number }[];
  /** The bias, then two for each name: of the value and of its absence. */
  weights: readonly number[];
  isotonic: Isotonic;
  examples: number;
}

/** Fewer than this, or fewer of either kind than `LEAST_OF_EACH`, calibrate nothing. */
const LEAST_EXAMPLES = 40;
const LEAST_OF_EACH = 5;
const FOLDS = 5;
/** The stepwise fit counts for half from so many examples on: below, a smooth curve is nearer the truth. */
const STEPS_COUNT_FROM = 200;
/** Outliers say no more than this many deviations. */
const FARTHEST = 4;

/** Each value, brought to scale, and a flag for its absence. */
function rowOf(scales: ConfidenceModel["scales"], evidence: Evidence): number[] {
  return scales.flatMap(({ name, mean, deviation }) => {
    const value = evidence[name] ?? null;
    if (value === null || Number.isNaN(value)) return [0, 1];
    return [Math.max(-FARTHEST, Math.min(FARTHEST, (value - mean) / deviation)), 0];
  });
}

function scalesOf(examples: readonly ConfidenceExample[]): ConfidenceModel["scales"] {
  const names = [...new Set(examples.flatMap(({ evidence }) => Object.keys(evidence)))].sort();
  return names.map((name) => {
    const values = examples.flatMap(({ evidence }) => {
      const value = evidence[name] ?? null;
      return value === null || Number.isNaN(value) ? [] : [value];
    });
    const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length);
    return { name, mean, deviation: Math.sqrt(variance) || 1 };
  });
}

/**
 * Learns a candidate's confidence from training calls: logistic regression over the evidence, then isotonic regression
 * over its outcome (as UCCI does, arXiv:2605.18796), fitted on scores that each fold got from the others, so that the
 * steps are not those of memory. Null while there are too few examples to say anything.
 */
export function fitConfidence(examples: readonly Training<ConfidenceExample>[]): ConfidenceModel | null {
  const rights = examples.filter(({ right }) => right).length;
  if (examples.length < LEAST_EXAMPLES || Math.min(rights, examples.length - rights) < LEAST_OF_EACH)
    return null;
  const scales = scalesOf(examples);
  const rows = examples.map(({ evidence, right }) => ({ features: rowOf(scales, evidence), right }));
  const points: { x: number; y: number }[] = [];
  for (let fold = 0; fold < FOLDS; fold++) {
    const weights = fitLogistic(rows.filter((_, at) => at % FOLDS !== fold));
    for (const [at, { features, right }] of rows.entries())
      if (at % FOLDS === fold) points.push({ x: logit(weights, features), y: right ? 1 : 0 });
  }
  return {
    scales,
    weights: fitLogistic(rows),
    isotonic: fitIsotonic(points),
    examples: examples.length,
  };
}

/**
 * The probability that an answer is acceptable. Part logistic, part isotonic, the latter more the more examples there
 * were; it grows strictly with the logistic's score, so that a threshold can stand between any two answers.
 */
export function confidenceOf(model: ConfidenceModel, evidence: Evidence): number {
  const score = logit(model.weights, rowOf(model.scales, evidence));
  const steps = model.examples / (model.examples + STEPS_COUNT_FROM);
  return steps * isotonicAt(model.isotonic, score) + (1 - steps) * logistic(score);
}
