import { askedOf } from "../src/calls/verifiable.ts";
import { seededRandom } from "../src/routing/statistics/seeded-random.ts";
import type { Asked, SlmAnswer } from "../src/routing/verify/answer.ts";
import type { FeatureName, Features } from "../src/routing/verify/features/features.ts";
import { type Verdict, verify } from "../src/routing/verify/verdict.ts";
import { auc } from "./lib/auc.ts";
import type { Benchmark, BenchOptions, Measured } from "./lib/report.ts";
import { quantile, rounded } from "./lib/stats.ts";
import {
  correctCalls,
  readItems,
  requestOf,
  type ToolCall,
  WITH_CALLS,
  WITHOUT_CALLS,
} from "./tool-calls/leaderboard.ts";
import { inventedCall, OTHER_MUTATIONS, SCHEMA_MUTATIONS } from "./tool-calls/mutations.ts";

const SEED = 20_261_124;
/** How often each kind of mistake is made in each answer that it can be made in. */
const REPEATS = 3;

interface Correct {
  asked: Asked;
  calls: ToolCall[];
}

function answer(calls: readonly ToolCall[]): SlmAnswer {
  return {
    text: "",
    refusal: null,
    calls: calls.map((call) => ({ name: call.name, arguments: JSON.stringify(call.arguments) })),
    finish: "complete",
    tokens: null,
  };
}

/** A score that is high where an answer is right, for each kind of mistake that schemas cannot see. */
const SIGNS: Record<string, Partial<Record<string, (features: Features) => number | null>>> = {
  extra_call: { calls_over_asked: ({ calls, asked_for }) => (asked_for ?? 0) - (calls ?? 0), ...grounded() },
  repeated_call: { repeated_calls: ({ repeated_calls }) => -(repeated_calls ?? 0) },
  missing_call: { calls_under_asked: ({ calls, asked_for }) => (calls ?? 0) - (asked_for ?? 0) },
  wrong_value: grounded(),
  wrong_tool: { ...feature("fit_called"), ...feature("fit_called_name") },
  call_without_need: { ...feature("fit_called"), ...feature("fit_called_name"), ...grounded() },
};

function feature(name: FeatureName): Record<string, (features: Features) => number | null> {
  return { [name]: (features) => features[name] };
}

function grounded(): Record<string, (features: Features) => number | null> {
  return { ...feature("grounded_least"), ...feature("grounded_mean") };
}

/** The areas under the curves by which each feature tells mistakes of a kind from right answers. */
function areas(kind: string, wrong: readonly Verdict[], right: readonly Verdict[]): Record<string, number> {
  return Object.fromEntries(
    Object.entries(SIGNS[kind] ?? {}).map(([name, sign]) => {
      const scores = (verdicts: readonly Verdict[]): number[] =>
        verdicts.flatMap(({ features }) => sign?.(features) ?? []);
      return [`auc_${kind}_${name}`, rounded(auc(scores(right), scores(wrong)))];
    }),
  );
}

/** Calls of a tool where none applies: the one that fits the request best, as over-eager models choose. */
function callsWithoutNeed(options: BenchOptions, random: () => number): Verdict[] {
  return WITHOUT_CALLS.flatMap((set) => readItems(options, set)).flatMap((item) => {
    const asked = askedOf(requestOf(item));
    const made = asked.tools
      .map((_, at) => inventedCall(asked, at, random))
      .filter((call) => call !== null)
      .map((call) => verify(asked, answer([call])))
      .sort((a, b) => (b.features.fit_called ?? 0) - (a.features.fit_called ?? 0));
    return made.slice(0, 1);
  });
}

function mutated(kind: string, correct: readonly Correct[], random: () => number): Verdict[] {
  const mutate = SCHEMA_MUTATIONS[kind] ?? OTHER_MUTATIONS[kind];
  return correct.flatMap(({ asked, calls }) =>
    Array.from({ length: REPEATS }).flatMap(() => {
      const wrong = mutate?.({ asked, calls, random }) ?? null;
      return wrong === null ? [] : [verify(asked, answer(wrong))];
    }),
  );
}

/** False rejects by call and by answer, and the time of a verdict. */
function rightAnswers(correct: readonly Correct[]): { verdicts: Verdict[]; figures: Record<string, number> } {
  const times: number[] = [];
  const verdicts = correct.map(({ asked, calls }) => {
    const given = answer(calls);
    const started = performance.now();
    const verdict = verify(asked, given);
    times.push(performance.now() - started);
    return verdict;
  });
  const each = correct.flatMap(({ asked, calls }) => calls.map((call) => verify(asked, answer([call]))));
  const rejected = (all: readonly Verdict[]): number => all.filter(({ valid }) => !valid).length / all.length;
  return {
    verdicts,
    figures: {
      false_reject_rate: rounded(rejected(each), 5),
      false_reject_rate_answers: rounded(rejected(verdicts), 5),
      correct_calls: each.length,
      correct_answers: verdicts.length,
      not_fully_checked: verdicts.filter(({ unchecked }) => unchecked.length > 0).length,
      verdict_p50_ms: rounded(quantile(times, 0.5)),
      verdict_p99_ms: rounded(quantile(times, 0.99)),
    },
  };
}

async function run(options: BenchOptions): Promise<Measured> {
  const random = seededRandom(SEED);
  const correct = WITH_CALLS.flatMap((set) => readItems(options, set)).map((item) => ({
    asked: askedOf(requestOf(item)),
    calls: correctCalls(item),
  }));
  const right = rightAnswers(correct);
  const figures = { ...right.figures };
  let caught = 0;
  let made = 0;
  for (const kind of Object.keys(SCHEMA_MUTATIONS)) {
    const verdicts = mutated(kind, correct, random);
    const found = verdicts.filter(({ valid }) => !valid).length;
    Object.assign(figures, {
      [`caught_${kind}`]: rounded(found / verdicts.length, 5),
      [`made_${kind}`]: verdicts.length,
    });
    caught += found;
    made += verdicts.length;
  }
  const others = Object.keys(OTHER_MUTATIONS).map((kind) => [kind, mutated(kind, correct, random)] as const);
  for (const [kind, wrong] of [...others, ["call_without_need", callsWithoutNeed(options, random)] as const])
    Object.assign(figures, areas(kind, wrong, right.verdicts));
  return {
    conditions: {
      data: "Berkeley Function-Calling Leaderboard, single-turn",
      seed: SEED,
      "mistakes of each kind in each answer": REPEATS,
      "right calls": "all of them, those whose labels contradict their own schema included",
    },
    figures: { schema_catch_rate: rounded(caught / made, 5), ...figures },
  };
}

/** How many wrong tool calls the checks before a release catch, and how many right ones they reject. */
export const toolCalls: Benchmark = {
  about: "verification of tool calls: mistakes caught, right calls rejected (needs --data)",
  run,
};
