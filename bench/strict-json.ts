import { type Schema, Validator } from "@cfworker/json-schema";
import { createEmbeddedEngine } from "../local-node/src/engines/embedded/embedded.ts";
import type { Engine } from "../local-node/src/engines/engine.ts";
import { seededRandom } from "../src/routing/statistics/seeded-random.ts";
import type { Benchmark, BenchOptions, Measured } from "./lib/report.ts";
import { starterModel } from "./lib/starter-model.ts";
import { median, rounded } from "./lib/stats.ts";
import { type Item, jsonSchemaOf, readItems, WITH_CALLS } from "./tool-calls/leaderboard.ts";

const SEED = 20_261_124;
const FUNCTIONS = 300;
const MAX_TOKENS = 512;
/** Greedy, and what the API takes where a caller says nothing. */
const TEMPERATURES = [0, 1];
/** The embedded engine runs two calls at once on a CPU. */
const AT_ONCE = 2;

interface Task {
  name: string;
  schema: unknown;
  body: object;
}

interface Answer {
  name: string;
  /** `stop`, `length`, or the code of an error. */
  end: string;
  tokens: number;
  valid: boolean;
}

/** Functions in a seeded order, each with the request of the item that it first stands in. */
function chooseTasks(options: BenchOptions): Task[] {
  const random = seededRandom(SEED);
  const functions = new Map<string, { item: Item; at: number }>();
  for (const item of WITH_CALLS.flatMap((set) => readItems(options, set))) {
    item.functions.forEach((tool, at) => {
      const key = JSON.stringify([tool.name, tool.parameters]);
      if (!functions.has(key)) functions.set(key, { item, at });
    });
  }
  return [...functions.values()]
    .map((choice) => ({ choice, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .slice(0, FUNCTIONS)
    .flatMap(({ choice: { item, at } }) => {
      const tool = item.functions[at];
      return tool === undefined ? [] : [toTask(item, tool)];
    });
}

function toTask(item: Item, { name, description, parameters }: Item["functions"][number]): Task {
  const schema = jsonSchemaOf(parameters);
  return {
    name,
    schema,
    body: {
      messages: [
        {
          role: "system",
          content: `Answer with the arguments of ${name}, as JSON. ${description}\n${JSON.stringify(schema)}`,
        },
        ...item.messages,
      ],
      max_tokens: MAX_TOKENS,
      seed: SEED,
      // A name of the API has no dots.
      response_format: {
        type: "json_schema",
        json_schema: { name: name.replaceAll(/[^\w-]/g, "_").slice(0, 64), schema, strict: true },
      },
    },
  };
}

async function ask(engine: Engine, task: Task, temperature: number): Promise<Answer> {
  const failed = (end: string): Answer => ({ name: task.name, end, tokens: 0, valid: false });
  try {
    const model = engine.models()[0]?.id ?? "";
    const response = await engine.handle({
      method: "POST",
      path: "/v1/chat/completions",
      headers: {},
      body: new TextEncoder().encode(JSON.stringify({ ...task.body, model, temperature })),
      deadlineMs: 600_000,
      signal: new AbortController().signal,
      model,
      phases: {},
    });
    const parts: Uint8Array[] = [];
    for await (const part of response.body) parts.push(part);
    const { choices, usage } = JSON.parse(Buffer.concat(parts).toString());
    const { finish_reason: end, message } = choices[0];
    return {
      name: task.name,
      end,
      tokens: usage.completion_tokens,
      valid: isValid(message.content, task.schema),
    };
  } catch (error) {
    return failed(error instanceof Error && "code" in error ? String(error.code) : String(error));
  }
}

/** By a validator that knows nothing of how the answer was made. */
function isValid(text: string, schema: unknown): boolean {
  try {
    return new Validator(structuredClone(schema) as Schema, "2020-12").validate(JSON.parse(text)).valid;
  } catch {
    return false;
  }
}

async function askAll(engine: Engine, tasks: readonly Task[], temperature: number): Promise<Answer[]> {
  const waiting = [...tasks];
  const answers: Answer[] = [];
  const work = async (): Promise<void> => {
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
      const answer = await ask(engine, task, temperature);
      answers.push(answer);
      if (answer.end !== "stop" || !answer.valid) {
        process.stderr.write(`temperature ${temperature}: ${answer.name} ends with ${answer.end}\n`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return answers;
}

function figuresOf(answers: readonly Answer[], temperature: number): Record<string, number> {
  const share = (count: number, of: number): number => rounded(count / of, 4);
  const whole = answers.filter(({ end }) => end === "stop");
  const ended = (end: string): number => answers.filter((answer) => answer.end === end).length;
  return {
    [`stop_share_t${temperature}`]: share(whole.length, answers.length),
    [`valid_share_of_stop_t${temperature}`]: share(whole.filter(({ valid }) => valid).length, whole.length),
    [`length_t${temperature}`]: ended("length"),
    [`errors_t${temperature}`]: answers.length - whole.length - ended("length"),
    [`tokens_p50_t${temperature}`]: median(whole.map(({ tokens }) => tokens)),
  };
}

async function run(options: BenchOptions): Promise<Measured> {
  const tasks = chooseTasks(options);
  const cached = await starterModel();
  const { id } = cached;
  const engine = await createEmbeddedEngine({
    modelId: id,
    modelPath: cached.path,
    fileSha256: cached.sha256,
    quantisation: null,
  });
  try {
    const figures: Record<string, number> = { functions: tasks.length };
    for (const temperature of TEMPERATURES) {
      Object.assign(figures, figuresOf(await askAll(engine, tasks, temperature), temperature));
    }
    return { conditions: { model: id, "most tokens": MAX_TOKENS, seed: SEED }, figures };
  } finally {
    await engine.close();
  }
}

export const strictJson: Benchmark = {
  about:
    "answers of the starter model to strict JSON schemas, of the Berkeley leaderboard's functions in --data",
  run,
};
