import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { callShapeOf } from "../src/calls/call-shape.ts";
import { emptyRequest, type ModelRequest } from "../src/dialects/model-request.ts";
import { seededRandom } from "../src/routing/statistics/seeded-random.ts";
import { type CallShape, taskKeyOf } from "../src/routing/task/task-key.ts";
import { TaskMiner } from "../src/routing/task/task-miner.ts";
import { readRecords } from "./lib/data.ts";
import { adjustedMutualInformation } from "./lib/mutual-information.ts";
import type { Benchmark, BenchOptions, Measured } from "./lib/report.ts";
import { shuffled } from "./lib/shuffled.ts";
import { rounded } from "./lib/stats.ts";
import { firstFourWords, kMeans } from "./tasks/baselines.ts";
import { intentMix, type MixedCall, type Utterance } from "./tasks/intent-mix.ts";
import { readRecordedCalls } from "./tasks/recorded-calls.ts";

const SEED = 20_261_124;
/** Orders in which the recorded calls come, and mixes of intents that are drawn. */
const ORDERS = 10;
const MIXES = 3;
const VARIANTS = 20;
const CALLS_PER_INTENT = 40;
const STREAM = 1_000_000;
const FLOOD = 10_000;

interface LabelledShape {
  label: string | null;
  shape: CallShape;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const leadOf = ({ system, firstUser }: CallShape): string =>
  system.length > 0 ? system.join("\n") : firstUser;

function requestOf({ system, user, tools }: MixedCall): ModelRequest {
  return {
    ...emptyRequest(),
    messages: [
      { role: "system", content: [{ type: "text", text: system }] },
      { role: "user", content: [{ type: "text", text: user }] },
    ],
    tools,
  };
}

/** Agreement of what the miner says with the labels: of the tasks as they are at the end, and as each call was told. */
function recognise(calls: readonly LabelledShape[]): { atEnd: number; atArrival: number; tasks: number } {
  const miner = new TaskMiner();
  const told = calls.map(({ label, shape }) => {
    const key = taskKeyOf(shape);
    return { label, key: key.key, task: miner.assign(key) };
  });
  miner.regroup();
  const labelled = told.flatMap(({ label, key, task }) => (label === null ? [] : [{ label, key, task }]));
  const labels = labelled.map(({ label }) => label);
  const last = labelled.map(({ key, task }) => miner.taskOf(key) ?? task);
  return {
    atEnd: adjustedMutualInformation(labels, last),
    atArrival: adjustedMutualInformation(
      labels,
      labelled.map(({ task }) => task),
    ),
    tasks: new Set(last).size,
  };
}

function baselines(calls: readonly LabelledShape[], suffix: string): Record<string, number> {
  const labelled = calls.flatMap(({ label, shape }) =>
    label === null ? [] : [{ label, text: leadOf(shape) }],
  );
  const labels = labelled.map(({ label }) => label);
  const texts = labelled.map(({ text }) => text);
  const ami = (groups: readonly string[]): number => rounded(adjustedMutualInformation(labels, groups));
  const k = new Set(labels).size;
  const trials = [1, 2, 3].map((seed) => ami(kMeans({ texts, k, random: seededRandom(seed) })));
  return {
    [`ami${suffix}_whole_prompt`]: ami(texts),
    [`ami${suffix}_first_four_words`]: ami(texts.map(firstFourWords)),
    [`ami${suffix}_k_means`]: rounded(mean(trials)),
  };
}

/** How many a second of this process's CPU time, which other work on the machine does not change. */
function perSecond(count: number, work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return Math.round((count / (user + system)) * 1e6);
}

function heapMegabytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed / 1e6;
}

/** A prompt of words that nobody else says: a broken client's, each with the shape of a task of its own. */
function strangePrompt(random: () => number): CallShape {
  const word = (): string =>
    Math.floor(random() * 36 ** 6)
      .toString(36)
      .replace(/\d/g, "x");
  const lines = Array.from({ length: 12 }, () => Array.from({ length: 8 }, word).join(" "));
  return { system: [lines.join("\n")], firstUser: "", tools: [], format: null, lastRole: "user" };
}

/** Keys and tasks of a million calls, every tenth of them like no other: what it costs, and what it leaves in memory. */
function longStream(shapes: readonly CallShape[]): Record<string, number> {
  const random = seededRandom(SEED);
  const keys = shapes.map((shape) => taskKeyOf(shape));
  const miner = new TaskMiner();
  for (const key of keys) miner.assign(key);
  const heap: number[] = [];
  const rate = perSecond(STREAM, () => {
    for (let at = 1; at <= STREAM; at++) {
      const key = keys[Math.floor(random() * keys.length)];
      if (at % 10 === 0) miner.assign(taskKeyOf(strangePrompt(random)));
      else if (key !== undefined) miner.assign(key);
      if (at === STREAM / 10 || at === STREAM) heap.push(heapMegabytes());
    }
  });
  const [early = 0, late = 0] = heap;
  return {
    stream_calls_per_s: rate,
    stream_heap_mb_at_100k: rounded(early, 1),
    stream_heap_mb_at_1m: rounded(late, 1),
    stream_templates: miner.size.templates,
  };
}

/** What a client that sends ten thousand different tasks does to those of the others. */
function flood(shapes: readonly CallShape[]): Record<string, number> {
  const random = seededRandom(SEED);
  const miner = new TaskMiner();
  const keys = shapes.map((shape) => taskKeyOf(shape));
  for (const key of [...keys, ...keys]) miner.assign(key);
  miner.regroup();
  const before = keys.map(({ key }) => miner.taskOf(key));
  for (let at = 0; at < FLOOD; at++) miner.assign(taskKeyOf(strangePrompt(random)));
  const kept = keys.filter(({ key }, at) => miner.taskOf(key) === before[at]).length;
  return { flood_tasks_kept: rounded(kept / keys.length), flood_templates: miner.size.templates };
}

function speeds(shapes: readonly CallShape[]): Record<string, number> {
  const rounds = Math.ceil(40_000 / shapes.length);
  const all = (): void => {
    for (const shape of shapes) taskKeyOf(shape);
  };
  all();
  const keysPerSecond = perSecond(rounds * shapes.length, () => {
    for (let round = 0; round < rounds; round++) all();
  });
  const long = { ...strangePrompt(seededRandom(1)), system: ["Summarise the page. ".repeat(52_429)] };
  const times = Array.from({ length: 20 }, () => {
    const started = performance.now();
    taskKeyOf(long);
    return performance.now() - started;
  });
  return {
    keys_per_s: keysPerSecond,
    mean_prompt_chars: Math.round(mean(shapes.map((shape) => leadOf(shape).length))),
    key_of_1mb_ms: rounded(Math.min(...times)),
  };
}

async function run(options: BenchOptions): Promise<Measured> {
  const recorded = readRecordedCalls(options).map(({ label, request }) => ({
    label,
    shape: callShapeOf(request),
  }));
  const orders = Array.from({ length: ORDERS }, (_, at) =>
    recognise(at === 0 ? recorded : shuffled(recorded, seededRandom(SEED + at))),
  );
  const utterances = readRecords<Utterance>(options, "intents/clinc150.jsonl").filter(
    ({ intent }) => intent !== "oos",
  );
  const mixes = Array.from({ length: MIXES }, (_, at) =>
    intentMix({
      utterances,
      variants: VARIANTS,
      callsPerIntent: CALLS_PER_INTENT,
      random: seededRandom(SEED + at),
    }).map((call) => ({ label: call.label, shape: callShapeOf(requestOf(call)) })),
  );
  const mixed = mixes.map(recognise);
  const shapes = [...recorded, ...(mixes[0] ?? [])].map(({ shape }) => shape);
  return {
    conditions: {
      recorded: `${recorded.length} calls of MetaGPT, mean of ${ORDERS} orders, the recorded one first`,
      intents: `${new Set(utterances.map(({ intent }) => intent)).size} tasks, ${VARIANTS} variants of each prompt, ${CALLS_PER_INTENT} calls of each, mean of ${MIXES} draws`,
      "k-means": "TF-IDF, told the number of tasks, mean of 3 seeds",
      rates: "per second of CPU time; nothing is kept between keys",
      stream: `${STREAM} calls, every tenth like no other`,
      seed: SEED,
    },
    figures: {
      ami: rounded(mean(orders.map(({ atEnd }) => atEnd))),
      ami_recorded_order: rounded(orders[0]?.atEnd ?? Number.NaN),
      ami_least: rounded(Math.min(...orders.map(({ atEnd }) => atEnd))),
      ami_at_arrival: rounded(mean(orders.map(({ atArrival }) => atArrival))),
      ...baselines(recorded, ""),
      ami_intents: rounded(mean(mixed.map(({ atEnd }) => atEnd))),
      ami_intents_least: rounded(Math.min(...mixed.map(({ atEnd }) => atEnd))),
      ami_intents_at_arrival: rounded(mean(mixed.map(({ atArrival }) => atArrival))),
      ...baselines(mixes[0] ?? [], "_intents"),
      ...speeds(shapes),
      ...flood(shapes),
      ...longStream(shapes),
    },
  };
}

/** Whether calls of one task are recognised as such, how fast, and in how much memory. */
export const tasks: Benchmark = {
  about: "recognition of tasks: agreement with labels, speed and memory (needs --data)",
  run,
};
