import { promptFeatures } from "../../src/routing/quality/prompt-features.ts";
import { GRAMS, promptWords } from "../../src/routing/quality/prompt-words.ts";
import { learn, newRightness, qualityGap, relearn } from "../../src/routing/quality/rightness.ts";
import { gapOf, type Labelled } from "./labels.ts";

/** Learns from labels and scores calls: the higher, the more the large model is worth on it. */
export type Router = (training: readonly Labelled[], random: () => number) => (call: Labelled) => number;

const featuresOf = new WeakMap<Labelled, ReturnType<typeof promptFeatures>>();
function features(call: Labelled): ReturnType<typeof promptFeatures> {
  const known = featuresOf.get(call);
  if (known !== undefined) return known;
  const made = promptFeatures({ task: call.task, tools: null, text: call.prompt });
  featuresOf.set(call, made);
  return made;
}

/** The product's, from labels that are all there. */
export const product: Router = (training, random) => {
  const learned = (right: (call: Labelled) => boolean) =>
    relearn(
      training.map((call) => ({ features: features(call), right: right(call) })),
      random,
    );
  const models = { reference: learned(({ largeOk }) => largeOk), slm: learned(({ smallOk }) => smallOk) };
  return (call) => qualityGap(models, features(call));
};

/** The product's, each label learned once, as it comes. */
export const online: Router = (training) => {
  const models = { reference: newRightness(), slm: newRightness() };
  for (const call of training) {
    learn(models.reference, { features: features(call), right: call.largeOk });
    learn(models.slm, { features: features(call), right: call.smallOk });
  }
  return (call) => qualityGap(models, features(call));
};

/** The mean gap of each task, shrunken to the mean of all: no text at all. */
export const taskMeans: Router = (training) => {
  const strength = 20;
  const all = training.reduce((sum, call) => sum + gapOf(call), 0) / training.length;
  const sums = new Map<string, { gap: number; count: number }>();
  for (const call of training) {
    const sum = sums.get(call.task) ?? { gap: 0, count: 0 };
    sums.set(call.task, { gap: sum.gap + gapOf(call), count: sum.count + 1 });
  }
  return ({ task }) => {
    const { gap, count } = sums.get(task) ?? { gap: 0, count: 0 };
    return (gap + strength * all) / (count + strength);
  };
};

/** A text as the baselines know it: TF-IDF over the same words and pairs of words, of length 1. */
interface Vector {
  grams: readonly number[];
  values: readonly number[];
}

const gramsOf = new WeakMap<Labelled, readonly number[]>();
function grams(call: Labelled): readonly number[] {
  const known = gramsOf.get(call) ?? promptWords(call.prompt).grams;
  gramsOf.set(call, known);
  return known;
}

function vectors(training: readonly Labelled[]): (call: Labelled) => Vector {
  const counts = new Float64Array(GRAMS);
  for (const call of training) for (const gram of grams(call)) counts[gram] = (counts[gram] ?? 0) + 1;
  return (call) => {
    const known = grams(call).filter((gram) => counts[gram] !== 0);
    const values = known.map((gram) => Math.log((1 + training.length) / (counts[gram] ?? 1)));
    const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0)) || 1;
    return { grams: known, values: values.map((value) => value / length) };
  };
}

/** Adds a multiple of one vector to a dense one. */
function add(dense: Float64Array, { grams, values }: Vector): void {
  for (let at = 0; at < grams.length; at++) {
    const gram = grams[at] ?? 0;
    dense[gram] = (dense[gram] ?? 0) + (values[at] ?? 0);
  }
}

function dot(dense: Float64Array, { grams, values }: Vector): number {
  let sum = 0;
  for (let at = 0; at < grams.length; at++) sum += (dense[grams[at] ?? 0] ?? 0) * (values[at] ?? 0);
  return sum;
}

/** The mean gap of the 50 nearest labelled texts, by cosine; more where the last of them are equally near. */
export const nearestNeighbours: Router = (training) => {
  const neighbours = 50;
  const vectorOf = vectors(training);
  const points = training.map((call) => ({ vector: vectorOf(call), gap: gapOf(call) }));
  return (call) => {
    const text = new Float64Array(GRAMS);
    add(text, vectorOf(call));
    const closeness = Float64Array.from(points, ({ vector }) => dot(text, vector));
    const least = closeness.toSorted()[points.length - neighbours] ?? 0;
    const near = points.filter((_, at) => (closeness[at] ?? 0) >= least);
    return near.reduce((sum, { gap }) => sum + gap, 0) / near.length;
  };
};

/** The mean gap of the nearest of 60 clusters of labelled texts (spherical k-means), shrunken to the mean of all. */
export const clusters: Router = (training, random) => {
  const count = 60;
  const strength = 20;
  const vectorOf = vectors(training);
  const points = training.map((call) => ({ vector: vectorOf(call), gap: gapOf(call) }));
  const centres = Array.from({ length: count }, () => {
    const centre = new Float64Array(GRAMS);
    const point = points[Math.floor(random() * points.length)];
    if (point !== undefined) add(centre, point.vector);
    return centre;
  });
  const nearest = (vector: Vector): number => {
    const closeness = centres.map((centre) => dot(centre, vector));
    return closeness.indexOf(Math.max(...closeness));
  };
  for (let round = 0; round < 8; round++) {
    const members = points.map(({ vector }) => ({ vector, cluster: nearest(vector) }));
    for (const [cluster, centre] of centres.entries()) {
      centre.fill(0);
      for (const member of members) if (member.cluster === cluster) add(centre, member.vector);
      const length = Math.sqrt(centre.reduce((sum, value) => sum + value * value, 0)) || 1;
      for (let at = 0; at < GRAMS; at++) centre[at] = (centre[at] ?? 0) / length;
    }
  }
  const all = points.reduce((sum, { gap }) => sum + gap, 0) / points.length;
  const gaps = centres.map(() => ({ gap: strength * all, count: strength }));
  for (const { vector, gap } of points) {
    const cluster = gaps[nearest(vector)];
    if (cluster === undefined) continue;
    cluster.gap += gap;
    cluster.count += 1;
  }
  return (call) => {
    const cluster = gaps[nearest(vectorOf(call))];
    return cluster === undefined ? all : cluster.gap / cluster.count;
  };
};
