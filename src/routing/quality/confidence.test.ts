import { describe, expect, it } from "vitest";
import { type Training, trainingOnly } from "../guarantee/split.ts";
import { seededRandom } from "../statistics/seeded-random.ts";
import { type ConfidenceExample, confidenceOf, type Evidence, fitConfidence } from "./confidence.ts";
import { fitLogistic, logistic } from "./logistic.ts";

type Example = ConfidenceExample & { truth: number };

/** Answers whose chance of being right depends on one value, in a way that no logistic curve has; another is noise. */
function examples(count: number, seed: number): Example[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => {
    const least = -5 * random();
    const truth = least > -1 ? 0.98 : least > -3 ? 0.7 : 0.2;
    const tells = random() < 0.9;
    return {
      evidence: { least: tells ? least : null, noise: random() },
      right: random() < (tells ? truth : 0.6),
      truth: tells ? truth : 0.6,
    };
  });
}

const training = (list: readonly Example[]): Training<Example>[] =>
  trainingOnly(list.flatMap((each, at) => ({ ...each, splitKey: `${at}` })));

describe("the confidence in an answer", () => {
  const model = fitConfidence(training(examples(8_000, 1)));
  const fresh = examples(8_000, 2);
  const confidence = (example: Example) =>
    model === null ? Number.NaN : confidenceOf(model, example.evidence);

  it("is calibrated on answers that it has not seen", () => {
    const bins = Array.from({ length: 5 }, () => ({ sum: 0, right: 0, count: 0 }));
    for (const example of fresh) {
      const value = confidence(example);
      const bin = bins[Math.min(4, Math.floor(value * 5))];
      if (bin === undefined) throw new Error(`confidence ${value}`);
      bin.sum += value;
      bin.right += example.right ? 1 : 0;
      bin.count += 1;
    }
    const error = bins.reduce((sum, bin) => sum + Math.abs(bin.sum - bin.right), 0) / fresh.length;
    expect(error).toBeLessThan(0.03);
  });

  it("orders answers by their chance of being right", () => {
    const meanAt = (truth: number) => {
      const values = fresh.filter((each) => each.truth === truth).map(confidence);
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    };
    expect(meanAt(0.98)).toBeGreaterThan(0.9);
    expect(meanAt(0.7)).toBeGreaterThan(meanAt(0.2));
  });

  it("has no ties where the evidence has none, so that a threshold can stand anywhere", () => {
    const values = fresh.filter(({ evidence }) => evidence.least !== null).map(confidence);
    expect(new Set(values).size).toBeGreaterThan(values.length * 0.99);
  });

  it("takes evidence that is missing, unknown or wild", () => {
    if (model === null) throw new Error("not fitted");
    const strange: Evidence[] = [{}, { other: 3 }, { least: Number.NaN }, { least: 1e300, noise: -1e300 }];
    for (const evidence of strange) {
      const value = confidenceOf(model, evidence);
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThanOrEqual(1);
    }
  });

  it("is not had from too few examples, nor from one kind of them", () => {
    expect(fitConfidence(training(examples(60, 3)))).toBeNull();
    expect(fitConfidence(training(examples(2_000, 3).map((each) => ({ ...each, right: true }))))).toBeNull();
    expect(fitConfidence([])).toBeNull();
  });
});

describe("logistic regression", () => {
  it("finds the weights that made the labels", () => {
    const random = seededRandom(5);
    const rows = Array.from({ length: 20_000 }, () => {
      const features = [random() * 2 - 1, random() * 2 - 1];
      const [x = 0, y = 0] = features;
      return { features, right: random() < logistic(0.5 + 2 * x - y) };
    });
    const [bias = 0, x = 0, y = 0] = fitLogistic(rows);
    expect(bias).toBeCloseTo(0.5, 1);
    expect(x).toBeCloseTo(2, 0);
    expect(y).toBeCloseTo(-1, 0);
  });

  it("stays finite where a feature tells the labels apart, and where all labels are the same", () => {
    const rows = Array.from({ length: 50 }, (_, at) => ({ features: [at < 25 ? -1 : 1], right: at >= 25 }));
    for (const each of [rows, rows.map((row) => ({ ...row, right: true }))])
      for (const weight of fitLogistic(each)) expect(Number.isFinite(weight)).toBe(true);
  });
});
