import {
  acceptedKey,
  type FirstChoice,
  firstChoice,
  type QualityBook,
} from "../src/routing/quality/first-choice.ts";
import { promptFeatures } from "../src/routing/quality/prompt-features.ts";
import { learn, newRightness } from "../src/routing/quality/rightness.ts";
import { NO_OUTCOMES, withOutcome } from "../src/routing/quality/tally.ts";
import { seededRandom } from "../src/routing/statistics/seeded-random.ts";
import type { Benchmark, BenchOptions, Measured } from "./lib/report.ts";
import { shuffled } from "./lib/shuffled.ts";
import { median, quantile, rounded } from "./lib/stats.ts";
import { apgr } from "./routing/apgr.ts";
import { gapOf, type Labelled, readLabels } from "./routing/labels.ts";
import { clusters, nearestNeighbours, online, product, type Router, taskMeans } from "./routing/routers.ts";

const SEED = 20_261_124;
const SPLITS = 30;
/** Of the baselines: theirs are no goals, and they are slow. */
const BASELINE_SPLITS = 10;
const FEW = 1_500;
/** With "all" labels a fifth of the questions is held out. */
const HELD_OUT = 0.2;

/** Mean and standard error over splits; every router sees the same ones. */
function overSplits(options: {
  labels: readonly Labelled[];
  router: Router;
  trained: number;
  splits?: number;
}): { mean: number; error: number } {
  const { labels, router, trained, splits = SPLITS } = options;
  const values = Array.from({ length: splits }, (_, split) => {
    const random = seededRandom(SEED + split);
    const order = shuffled(labels, random);
    const score = router(order.slice(0, trained), random);
    return apgr(order.slice(trained).map((call) => ({ score: score(call), gap: gapOf(call) })));
  });
  const mean = values.reduce((sum, value) => sum + value, 0) / splits;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (splits - 1);
  return { mean, error: Math.sqrt(variance / splits) };
}

const TASKS = 1_000;
const TOOLS = 50;
const WARM_UP = 5_000;
/** The median of so many is the time of one: a core that was lent to others in between is not its fault. */
const REPEATS = 5;
const HALF_LIFE_MS = 30 * 86_400_000;

/** What a busy project knows: 1,000 tasks, each with outcomes, and two models that have learned from all labels. */
function busyBook(labels: readonly Labelled[]): QualityBook {
  const outcome = { good: 1, at: 0, halfLifeMs: HALF_LIFE_MS };
  const accepted = new Map([[acceptedKey("small", "all"), withOutcome(NO_OUTCOMES, outcome)]]);
  for (let task = 0; task < TASKS; task++) {
    accepted.set(acceptedKey("small", { task: taskName(task) }), withOutcome(NO_OUTCOMES, outcome));
    accepted.set(acceptedKey("small", { tools: toolSet(task) }), withOutcome(NO_OUTCOMES, outcome));
  }
  const rightness = new Map([
    ["small", newRightness()],
    ["large", newRightness()],
  ]);
  for (const [at, { prompt, smallOk, largeOk }] of labels.entries()) {
    const features = promptFeatures({ task: taskName(at), tools: toolSet(at), text: prompt });
    for (const [model, right] of [
      ["small", smallOk],
      ["large", largeOk],
    ] as const) {
      const known = rightness.get(model);
      if (known !== undefined) learn(known, { features: features, right: right });
    }
  }
  return { accepted, rightness, halfLifeMs: HALF_LIFE_MS };
}

const taskName = (at: number): string => `task ${at % TASKS}`;
/** The hash of fifty tools' names and schemas is as long as any. */
const toolSet = (at: number): string => `tools ${at % TOOLS}`.padEnd(64, "0");

/** The time of a whole decision, features included, for each question in turn. */
function decisionTimes(labels: readonly Labelled[]): number[] {
  const book = busyBook(labels);
  const decide = (at: number): FirstChoice =>
    firstChoice({
      call: { task: taskName(at), tools: toolSet(at), text: labels[at % labels.length]?.prompt ?? "" },
      slm: { id: "small", cost: { usd: 0.0001, latencyMs: 500 } },
      reference: { id: "large", cost: { usd: 0.002, latencyMs: 900 } },
      book,
      secondUsd: 0.0001,
      wrongUsd: 0.001,
      standing: null,
      inTurn: false,
      at,
    });
  for (let at = 0; at < WARM_UP; at++) decide(at);
  return labels.map((_, at) => {
    const times = Array.from({ length: REPEATS }, () => {
      const started = performance.now();
      const { gap } = decide(at);
      const took = performance.now() - started;
      if (gap === null) throw new Error("the decision did not use the features");
      return took;
    });
    return median(times);
  });
}

const BASELINES: Record<string, Router> = {
  task_means: taskMeans,
  k_means: clusters,
  nearest_neighbours: nearestNeighbours,
};

async function run(options: BenchOptions): Promise<Measured> {
  const labels = readLabels(options);
  const all = Math.round(labels.length * (1 - HELD_OUT));
  const few = overSplits({ labels, router: product, trained: FEW });
  const most = overSplits({ labels, router: product, trained: all });
  const figures: Record<string, number> = {
    apgr_1500: rounded(few.mean),
    apgr_1500_standard_error: rounded(few.error),
    apgr_all: rounded(most.mean),
    apgr_all_standard_error: rounded(most.error),
  };
  for (const [suffix, trained] of [
    ["1500", FEW],
    ["all", all],
  ] as const)
    figures[`apgr_${suffix}_learned_once`] = rounded(overSplits({ labels, router: online, trained }).mean);
  for (const [name, router] of Object.entries(BASELINES)) {
    const { mean, error } = overSplits({ labels, router, trained: FEW, splits: BASELINE_SPLITS });
    figures[`apgr_1500_${name}`] = rounded(mean);
    figures[`apgr_1500_${name}_standard_error`] = rounded(error);
  }
  const times = decisionTimes(labels);
  figures.decision_p50_ms = rounded(quantile(times, 0.5), 4);
  figures.decision_p99_ms = rounded(quantile(times, 0.99), 4);
  return {
    conditions: {
      data: `${labels.length} questions of MMLU, right or wrong by Mixtral-8x7B and GPT-4; the subject is the task`,
      splits: `${SPLITS}, seed ${SEED} (baselines ${BASELINE_SPLITS}); trained on ${FEW}, and on all but a fifth (${all}); tested on the rest`,
      decision: `${labels.length} decisions with ${TASKS} tasks and tool sets of ${TOOLS} tools: acceptance by task, tools and model, features of the text, two models, costs; each the median of ${REPEATS}`,
      published: "RouteLLM's best router 0.603 (other labels)",
    },
    figures,
  };
}

/** Which call is worth the large model, on labelled questions; and what a decision costs. */
export const routing: Benchmark = {
  about: "quality gap learned from labels: APGR beside baselines; the time of a decision (needs --data)",
  run,
};
