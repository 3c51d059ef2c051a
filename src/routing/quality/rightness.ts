import { logistic } from "./logistic.ts";
import { DENSE, PLACES, type PromptFeatures, WEIGHTS } from "./prompt-features.ts";

/**
 * How much a weight of each kind may be, as the variance of its prior on the scale of log-odds. Chosen coarsely, by the
 * likelihood of held-out labels within training splits of a public set. That of names makes a task's own mean count as
 * much as what is known without it after about 1/(0.15·p(1 − p)), some 30, labels.
 */
const PRIOR = { bias: 1, waves: 0.2, names: 0.15, grams: 0.35 };

/** No weight becomes surer than this part of its prior: it then forgets what is some ten thousand labels ago. */
const LEAST_VARIANCE = 1e-3;

/** One model's chances of being right: weights and how uncertain they are. `learn` changes it in place. */
export interface Rightness {
  labels: number;
  means: Float32Array;
  /** Of the bias and the waves, which are never seen apart: row by row, `DENSE` × `DENSE`. */
  covariance: Float64Array;
  /** Of the other weights, each for itself; those of the first `DENSE` are not used. */
  variances: Float32Array;
}

export function newRightness(): Rightness {
  const variances = new Float32Array(WEIGHTS).fill(PRIOR.grams);
  variances.fill(PRIOR.names, PLACES.names, PLACES.grams);
  const covariance = new Float64Array(DENSE * DENSE);
  for (let at = 0; at < DENSE; at++) covariance[at * DENSE + at] = densePrior(at);
  return { labels: 0, means: new Float32Array(WEIGHTS), covariance, variances };
}

const densePrior = (at: number): number => (at === PLACES.bias ? PRIOR.bias : PRIOR.waves);

/** The log-odds' mean and variance; `pull` is the covariance times the dense values, which learning needs again. */
interface LogOdds {
  mean: number;
  variance: number;
  pull: Float64Array;
}

function logOdds(model: Rightness, { places, values }: PromptFeatures): LogOdds {
  const { means, covariance, variances } = model;
  const size = DENSE;
  const pull = new Float64Array(size);
  let mean = 0;
  let variance = 0;
  for (let row = 0; row < size; row++) {
    const start = row * size;
    let sum = 0;
    for (let at = 0; at < size; at++) sum += (covariance[start + at] ?? 0) * (values[at] ?? 0);
    pull[row] = sum;
    variance += sum * (values[row] ?? 0);
    mean += (means[row] ?? 0) * (values[row] ?? 0);
  }
  for (let at = size; at < places.length; at++) {
    const place = places[at] ?? 0;
    const value = values[at] ?? 0;
    mean += (means[place] ?? 0) * value;
    variance += (variances[place] ?? 0) * value * value;
  }
  return { mean, variance, pull };
}

/**
 * The chance that the model's answer is right: the logistic function over what the log-odds may be (D. MacKay's
 * approximation, 1992), so that a call unlike any before it gets a cautious answer.
 */
export function chanceRight(model: Rightness, features: PromptFeatures): number {
  const { mean, variance } = logOdds(model, features);
  return logistic(mean / Math.sqrt(1 + (Math.PI * variance) / 8));
}

/**
 * Learns one label, at once: Bayesian logistic regression, one Newton step a label (the extended Kalman filter; D.
 * Spiegelhalter and S. Lauritzen 1990), with the uncertainty of bias and waves as a whole and that of names and words
 * each for itself. There is no learning rate: what a weight has learned already decides how far it moves.
 *
 * A label of weight 1/k that is learned k times is the same label, learned more exactly: see `relearn`.
 */
export function learn(
  model: Rightness,
  example: { features: PromptFeatures; right: boolean },
  weight = 1,
): void {
  const { means, covariance, variances } = model;
  const { places, values } = example.features;
  const { mean, variance, pull } = logOdds(model, example.features);
  const chance = logistic(mean);
  const curvature = Math.max(chance * (1 - chance), 1e-3);
  const scale = 1 / (1 / weight + curvature * variance);
  const step = ((example.right ? 1 : 0) - chance) * scale;
  const sharpen = curvature * scale;
  const size = DENSE;
  for (let row = 0; row < size; row++) {
    const start = row * size;
    const pulled = pull[row] ?? 0;
    means[row] = (means[row] ?? 0) + pulled * step;
    for (let at = 0; at < size; at++)
      covariance[start + at] = (covariance[start + at] ?? 0) - pulled * (pull[at] ?? 0) * sharpen;
    covariance[start + row] = Math.max(covariance[start + row] ?? 0, LEAST_VARIANCE * densePrior(row));
  }
  const firstGram = PLACES.grams;
  for (let at = size; at < places.length; at++) {
    const place = places[at] ?? 0;
    const value = values[at] ?? 0;
    const before = variances[place] ?? 0;
    const least = LEAST_VARIANCE * (place < firstGram ? PRIOR.names : PRIOR.grams);
    means[place] = (means[place] ?? 0) + before * value * step;
    variances[place] = Math.max(before - before * before * value * value * sharpen, least);
  }
  model.labels += weight;
}

const ROUNDS = 4;

/**
 * Learns labels that are all there from the beginning, each in four parts and in changing order: nearer to what all of
 * them say together than one after another can be, and the same for labels that are sorted by task.
 */
export function relearn(
  examples: readonly { features: PromptFeatures; right: boolean }[],
  /** In [0, 1). */
  random: () => number,
): Rightness {
  const model = newRightness();
  const order = [...examples];
  for (let round = 0; round < ROUNDS; round++) {
    for (let at = order.length - 1; at > 0; at--) {
      const other = Math.floor(random() * (at + 1));
      const [here, there] = [order[at], order[other]];
      if (here === undefined || there === undefined) continue;
      order[at] = there;
      order[other] = here;
    }
    for (const example of order) learn(model, example, 1 / ROUNDS);
  }
  return model;
}

/** P(reference right) − P(SLM right): what an answer by the SLM costs in quality. In [-1, 1]; high calls are the reference's. */
export function qualityGap(
  models: { reference: Rightness; slm: Rightness },
  features: PromptFeatures,
): number {
  return chanceRight(models.reference, features) - chanceRight(models.slm, features);
}
