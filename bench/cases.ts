import { createEmbeddedEngine } from "../local-node/src/engines/embedded/embedded.ts";
import type { Engine } from "../local-node/src/engines/engine.ts";
import { answerOf, askedOf } from "../src/calls/verifiable.ts";
import { agreement } from "../src/conversion/agreement.ts";
import type { Needs } from "../src/dialects/call.ts";
import { parseJson } from "../src/dialects/json.ts";
import type { ModelRequest } from "../src/dialects/model-request.ts";
import { openAiChatBackend } from "../src/dialects/openai-chat/backend.ts";
import { parseChatCall } from "../src/dialects/openai-chat/parse.ts";
import { agreementInterval } from "../src/routing/statistics/agreement-interval.ts";
import { seededRandom } from "../src/routing/statistics/seeded-random.ts";
import type { SlmAnswer } from "../src/routing/verify/answer.ts";
import { verify } from "../src/routing/verify/verdict.ts";
import { type CaseCall, shapedCalls } from "./cases/shapes.ts";
import type { Benchmark, BenchOptions, Measured } from "./lib/report.ts";
import { shuffled } from "./lib/shuffled.ts";
import { starterModel } from "./lib/starter-model.ts";
import { rounded } from "./lib/stats.ts";
import { readRecordedCalls } from "./tasks/recorded-calls.ts";

const SEED = 20_261_124;
const SHAPED = 110;
/** A text up to this length is compared as a label; a longer one is the same, or a matter for a judge. Characters. */
const SHORT = 64;
const MAX_TOKENS = 512;
/** The share of calls that the paper's authors think replaceable (arXiv:2506.02153, appendix B). */
const PAPER: Record<CaseCall["framework"], number> = { metagpt: 0.6, open_operator: 0.4, cradle: 0.7 };

/**
 * `movable`: valid, and the same as the reference's. `wrong`: neither. `undecided`: prose that differs, of which only a
 * judge could say whether it is as good. `unable`: the model lacks what the call needs.
 */
type Came = "movable" | "wrong" | "undecided" | "unable";

function recorded(options: BenchOptions): CaseCall[] {
  return readRecordedCalls(options).map(({ request, response }) => ({
    framework: "metagpt",
    body: JSON.parse(openAiChatBackend.renderRequest(request, { model: "m", stream: false })),
    right: response,
  }));
}

const withoutSpace = (text: string): string => text.replace(/\s+/g, "");

/** The words of a stream's event. */
function wordsOf(line: string): string {
  if (!line.startsWith("data: {")) return "";
  const { choices } = JSON.parse(line.slice(6)) as { choices?: { delta?: { content?: string } }[] };
  return choices?.[0]?.delta?.content ?? "";
}

/** Asks for an answer, whole. Null where it was given up: long, and not what the reference says from some word on. */
async function ask(engine: Engine, body: CaseCall["body"], right: string): Promise<string | null> {
  const model = engine.models()[0]?.id ?? "";
  const leaving = new AbortController();
  const whole = body.response_format !== undefined || right.length <= SHORT;
  const reply = await engine.handle({
    method: "POST",
    path: "/v1/chat/completions",
    headers: {},
    body: new TextEncoder().encode(
      JSON.stringify({ temperature: 0, max_tokens: MAX_TOKENS, ...body, model, stream: true }),
    ),
    deadlineMs: 600_000,
    signal: leaving.signal,
    model,
    phases: {},
  });
  let said = "";
  let left = "";
  const decoder = new TextDecoder();
  for await (const chunk of reply.body) {
    const lines = (left + decoder.decode(chunk, { stream: true })).split("\n");
    left = lines.pop() ?? "";
    said += lines.map(wordsOf).join("");
    if (!whole && !withoutSpace(right).startsWith(withoutSpace(said))) {
      leaving.abort();
      return null;
    }
    // A label with talk around it is none.
    if (whole && body.response_format === undefined && said.length > 4 * SHORT) {
      leaving.abort();
      return said;
    }
  }
  return said;
}

const textAnswer = (text: string): SlmAnswer =>
  answerOf({ index: 0, parts: [{ type: "text", text }], finish: "stop", stopSequence: null, logprobs: null });

function compare(request: ModelRequest, right: string, text: string): Came {
  const asked = askedOf(request);
  const answer = textAnswer(text);
  if (!verify(asked, answer).valid) return "wrong";
  const json = asked.format !== null || typeof parseJson(right) === "object";
  const { same } = agreement({ reference: textAnswer(right), candidate: answer, schemaOf: () => null, json });
  if (same === null) return "undecided";
  return same ? "movable" : "wrong";
}

function lacks(engine: Engine, needs: Needs): boolean {
  const { images, audio, tools } = engine.models()[0]?.capabilities ?? {};
  return (
    (needs.images && images !== true) || (needs.audio && audio !== true) || (needs.tools && tools !== true)
  );
}

async function tryCall(engine: Engine, { body, right }: CaseCall): Promise<Came> {
  const call = parseChatCall(new TextEncoder().encode(JSON.stringify({ ...body, model: "m" })));
  if (lacks(engine, call.needs)) return "unable";
  const request = call.request?.() ?? null;
  if (request === null) return "unable";
  try {
    const text = await ask(engine, body, right);
    return text === null ? "undecided" : compare(request, right, text);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "context_length_exceeded")
      return "unable";
    throw error;
  }
}

function figuresOf(framework: CaseCall["framework"], came: readonly Came[]): Record<string, number> {
  const count = (which: Came): number => came.filter((each) => each === which).length;
  const share = (which: Came): number => rounded(count(which) / came.length, 4);
  const interval = agreementInterval({ agreed: count("movable"), of: came.length });
  return {
    [`movable_${framework}`]: share("movable"),
    [`movable_${framework}_low`]: rounded(interval?.low ?? 0, 4),
    [`movable_${framework}_high`]: rounded(interval?.high ?? 1, 4),
    [`paper_${framework}`]: PAPER[framework],
    [`calls_${framework}`]: came.length,
    [`wrong_${framework}`]: share("wrong"),
    [`undecided_${framework}`]: share("undecided"),
    [`unable_${framework}`]: share("unable"),
  };
}

async function run(options: BenchOptions): Promise<Measured> {
  const random = seededRandom(SEED);
  const most = options.calls ?? Number.POSITIVE_INFINITY;
  const all = [...recorded(options), ...shapedCalls({ each: SHAPED, random })];
  const model = await starterModel();
  const engine = await createEmbeddedEngine({
    modelId: model.id,
    modelPath: model.path,
    fileSha256: model.sha256,
    quantisation: null,
  });
  try {
    const figures: Record<string, number> = {};
    for (const framework of ["metagpt", "open_operator", "cradle"] as const) {
      const own = all.filter((each) => each.framework === framework);
      const calls = own.length > most ? shuffled(own, random).slice(0, most) : own;
      const came: Came[] = [];
      for (const call of calls) {
        came.push(await tryCall(engine, call));
        if (came.length % 10 === 0) process.stderr.write(`${framework}: ${came.length} of ${calls.length}\n`);
      }
      Object.assign(figures, figuresOf(framework, came));
    }
    return {
      conditions: {
        model: model.id,
        metagpt: "its recorded calls; what was answered then is the reference",
        "open_operator, cradle":
          "calls in the shapes of their prompts, words and answers drawn by a seeded generator",
        movable: "valid and the same as the reference's answer; intervals of 90 % (Wilson)",
        undecided: `prose that differs: a long answer is given up at its first other word, since only a judge could say more`,
        calls: options.calls === undefined ? "all" : `at most ${options.calls} of each, drawn`,
        seed: SEED,
      },
      figures,
    };
  } finally {
    await engine.close();
  }
}

/** What of three agent frameworks' calls the starter model could take over, beside the paper's estimates. */
export const cases: Benchmark = {
  about:
    "what of MetaGPT's recorded calls in --data, and of Open Operator's and Cradle's shapes, the starter model could answer",
  run,
};
