import { agreementInterval } from "../src/routing/statistics/agreement-interval.ts";
import { seededRandom } from "../src/routing/statistics/seeded-random.ts";
import type { DrawOutcome } from "../src/work/task.ts";
import { chatReply } from "../test/harness/chat-replies.ts";
import { startTestGateway, type TestGateway } from "../test/harness/gateway.ts";
import { startTestNode } from "../test/harness/node.ts";
import { startUpstream, type Upstream } from "../test/harness/upstream.ts";
import {
  allCalls,
  Driver,
  LONGEST_CALL_MS,
  MOST_TIMES,
  type TaskDetail,
  type Trail,
} from "./conversion/drive.ts";
import { type RunPolicy, replay, truth } from "./conversion/replay.ts";
import { behindUsd, moneyOf, type Price } from "./conversion/savings-oracle.ts";
import { type AgentTask, agentTasks } from "./conversion/tasks.ts";
import type { Benchmark, BenchOptions, Measured } from "./lib/report.ts";
import { starterModel } from "./lib/starter-model.ts";
import { rounded } from "./lib/stats.ts";

const SEED = 20_261_124;
const REFERENCE = "gpt-5-mini";
/** Of the reference, as OpenAI lists it. US dollars for a million tokens. */
const PRICE: Price = { input: 0.25, cached: 0.025, output: 2 };
const NODE_USD_PER_MILLION = 0.02;
const LEAST_CALLS = 400;
const SEEDS = 20;
const REPLAYED_CALLS = 4_000;
/** Fewer recorded draws than this are no task to draw from. */
const LEAST_POOL = 100;
/** Of the answers of a pool that are turned wrong, so that releasing all of it would be wrong. */
const SPOILED = 0.06;

const POLICY: RunPolicy = {
  promotion: "automatic",
  minCalls: 20,
  minTests: 200,
  formMargin: 0.01,
  canaryAudits: 10,
  maxP95Ms: null,
  epsilon: 0.05,
  delta: 0.1,
  drawShare: 1,
};

const tokens = (text: string): number => Math.ceil(text.length / 4);

/** A cloud model that is always right: it was told the answers to all questions before they were asked. */
async function startReference(known: ReadonlyMap<string, string>): Promise<Upstream> {
  return startUpstream((request) => {
    const { messages } = JSON.parse(request.body.toString()) as { messages: unknown };
    const content = known.get(JSON.stringify(messages)) ?? "";
    const promptTokens = tokens(JSON.stringify(messages));
    return chatReply({ content, model: REFERENCE, promptTokens, completionTokens: tokens(content) });
  });
}

/** The same task, whose calls tell the reference their answers. */
function telling(task: AgentTask, known: Map<string, string>): AgentTask {
  return {
    ...task,
    call() {
      const asked = task.call();
      known.set(JSON.stringify((asked.body as { messages: unknown }).messages), asked.right);
      return asked;
    },
  };
}

async function setUp(gateway: TestGateway): Promise<void> {
  const { epsilon, delta, promotion } = POLICY;
  const conversion = {
    promotion,
    epsilon,
    delta,
    draw_share: POLICY.drawShare,
    min_calls: POLICY.minCalls,
    min_tests: POLICY.minTests,
    form_margin: POLICY.formMargin,
    canary_audits: POLICY.canaryAudits,
    node_usd_per_million_tokens: NODE_USD_PER_MILLION,
  };
  await gateway.admin("/api/settings", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ conversion, deadlines: { total_ms: LONGEST_CALL_MS } }),
  });
}

interface Estimate {
  value: number;
  low: number;
  high: number;
}
interface Savings {
  audits_usd: number;
  judges_usd: number;
  net_saved_usd: Estimate | null;
  data: {
    task: string | null;
    calls: number;
    slm_calls: number;
    spent_usd: number;
    node_usd: number;
    reference_usd: Estimate | null;
    net_saved_usd: Estimate | null;
  }[];
}

/** The page once D1 has all calls. */
async function savingsOf(gateway: TestGateway, calls: number): Promise<Savings> {
  for (;;) {
    const page = (await gateway.admin("/api/savings")) as Savings;
    if (page.data.reduce((sum, group) => sum + group.calls, 0) >= calls) return page;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const apart = (a: number, b: number): number => Math.abs(a - b) / Math.max(1e-9, Math.abs(a), Math.abs(b));

/** The largest relative difference between the page and what the raw ledger says. */
async function savingsFigures(
  gateway: TestGateway,
  driver: Driver,
  trails: readonly Trail[],
): Promise<Record<string, number>> {
  const page = await savingsOf(
    gateway,
    trails.reduce((sum, { seen }) => sum + seen.length, 0),
  );
  const ledger = await allCalls(gateway);
  let furthest = 0;
  const against = (said: number, found: number): void => {
    furthest = Math.max(furthest, apart(said, found));
  };
  let audits = 0;
  const net: Estimate = { value: 0, low: 0, high: 0 };
  for (const { task } of trails) {
    const draws = (await driver.detailOf(task.name, 10_000))?.draws ?? [];
    const calls = ledger.filter((call) => call.task === task.name);
    const found = moneyOf({ calls, draws, price: PRICE, nodeUsdPerMillion: NODE_USD_PER_MILLION });
    const groups = page.data.filter((group) => group.task === task.name);
    const [group] = groups;
    if (group === undefined || groups.length !== 1)
      throw new Error(`${task.name} has ${groups.length} groups: the run went over midnight, repeat it`);
    against(group.calls, found.calls);
    against(group.slm_calls, found.slmCalls);
    against(group.spent_usd, found.spent);
    against(group.node_usd, found.node);
    for (const end of ["value", "low", "high"] as const) {
      against(group.reference_usd?.[end] ?? Number.NaN, found.reference?.[end] ?? Number.NaN);
      const saved = (found.reference?.[end] ?? Number.NaN) - found.node;
      against(group.net_saved_usd?.[end] ?? Number.NaN, saved);
      net[end] += found.slmCalls > 0 ? saved : 0;
    }
    audits += behindUsd(draws).audits;
  }
  against(page.audits_usd, audits);
  for (const end of ["value", "low", "high"] as const)
    against(page.net_saved_usd?.[end] ?? Number.NaN, net[end] - audits);
  return {
    savings_furthest_relative_difference: furthest,
    net_saved_usd: rounded(page.net_saved_usd?.value ?? Number.NaN, 6),
    audits_usd: rounded(page.audits_usd, 6),
  };
}

function trailFigures(trail: Trail): Record<string, number> {
  const { task, seen, promotedAfter, detail } = trail;
  const name = task.name.replaceAll("-", "_");
  const served = seen.filter(({ bySlm }) => bySlm);
  const losses = served.filter(({ right }) => !right).length;
  const from = seen.findIndex(({ bySlm }) => bySlm);
  const since = from < 0 ? 0 : seen.length - from;
  const afterwards = promotedAfter === null ? [] : seen.slice(promotedAfter);
  return {
    [`calls_${name}`]: seen.length,
    [`promoted_${name}`]: promotedAfter === null ? 0 : 1,
    ...(promotedAfter === null ? {} : { [`calls_until_promoted_${name}`]: promotedAfter }),
    [`agreement_${name}`]: rounded(detail?.evidence.agreement ?? Number.NaN),
    [`certified_n_${name}`]: detail?.certification?.n ?? 0,
    [`test_draws_${name}`]: detail?.conditions.tests ?? 0,
    [`invalid_bound_${name}`]: rounded(detail?.conditions.invalid.bound ?? 1, 4),
    [`slm_calls_${name}`]: served.length,
    [`slm_share_promoted_${name}`]: rounded(
      afterwards.filter(({ bySlm }) => bySlm).length / Math.max(1, afterwards.length),
    ),
    [`realised_loss_${name}`]: rounded(losses / Math.max(1, since), 4),
    [`realised_loss_high_${name}`]:
      since === 0 ? 0 : rounded(agreementInterval({ agreed: losses, of: since })?.high ?? 1, 4),
    // The reference is always right: what it answers is no loss.
    [`wrong_from_reference_${name}`]: seen.filter(({ bySlm, right }) => !bySlm && !right).length,
  };
}

/** The shadow's draws as outcomes to draw from again. */
function poolOf(detail: TaskDetail): DrawOutcome[] {
  return detail.draws.flatMap((draw): DrawOutcome[] => {
    if (draw.kind !== "shadow" || draw.label === null || draw.answer === null) return [];
    const valid = draw.findings.every((finding) => finding.startsWith("differs "));
    return [
      {
        candidate: "recorded",
        fingerprint: "sf1_recorded",
        basis: "whole",
        answer:
          draw.answer === "scored"
            ? { kind: "scored", score: draw.score ?? 0, basis: "whole" }
            : { kind: draw.answer },
        label: draw.label,
        by: null,
        ...(draw.answer === "missing" ? {} : { form: { valid, referenceValid: true, overCalled: null } }),
        findings: draw.findings,
        latencyMs: 1,
        slmTokens: null,
        referenceTokens: null,
      },
    ];
  });
}

const spoiled = (pool: readonly DrawOutcome[], random: () => number): DrawOutcome[] =>
  pool.map((outcome) => (random() < SPOILED ? { ...outcome, label: "wrong" } : outcome));

/** Every pool over the seeds: who was promoted, and whether what was certified is so. */
function replayFigures(pools: Readonly<Record<string, readonly DrawOutcome[]>>): Record<string, number> {
  const figures: Record<string, number> = {};
  let [right, wrong, worst] = [0, 0, 0];
  for (const [name, pool] of Object.entries(pools)) {
    if (pool.length < LEAST_POOL) continue;
    const runs = Array.from({ length: SEEDS }, (_, seed) =>
      replay({ pool, calls: REPLAYED_CALLS, policy: POLICY, random: seededRandom(SEED + seed) }),
    );
    const promoted = runs.filter(({ promotedAfter }) => promotedAfter !== null);
    const isWrong = ({ threshold }: (typeof runs)[number]): boolean =>
      threshold !== null && truth(pool, threshold).loss > POLICY.epsilon;
    const wrongly = promoted.filter(isWrong).length;
    right += promoted.length - wrongly;
    wrong += wrongly;
    const losses = runs.map(({ after }) => after.losses / Math.max(1, after.calls));
    worst = Math.max(worst, ...losses);
    figures[`replay_${name}_promoted`] = promoted.length;
    figures[`replay_${name}_wrongly`] = wrongly;
    figures[`replay_${name}_loss_if_all_released`] = rounded(truth(pool, 0).loss, 4);
    figures[`replay_${name}_worst_realised_loss`] = rounded(Math.max(...losses), 4);
  }
  return {
    rightly_promoted: right,
    wrongly_promoted: wrong,
    replay_worst_realised_loss: rounded(worst, 4),
    ...figures,
  };
}

async function run(options: BenchOptions): Promise<Measured> {
  const least = options.calls ?? LEAST_CALLS;
  const { id } = await starterModel();
  const known = new Map<string, string>();
  const tasks = agentTasks(options, SEED).map((task) => telling(task, known));
  const reference = await startReference(known);
  const gateway = await startTestGateway({
    vars: { OPENAI_API_KEY: "k", OPENAI_BASE_URL: `${reference.url}/v1` },
  });
  try {
    await setUp(gateway);
    const node = await startTestNode({ gateway, env: { ROUTELET_MODEL: id } });
    try {
      const driver = new Driver({ gateway, least });
      const trails = await driver.run(tasks, (line) => process.stderr.write(`${line}\n`));
      const money = await savingsFigures(gateway, driver, trails);
      const pools: Record<string, DrawOutcome[]> = {};
      for (const { task } of trails) {
        const detail = await driver.detailOf(task.name, 10_000);
        if (detail !== null) pools[task.name.replaceAll("-", "_")] = poolOf(detail);
      }
      const random = seededRandom(SEED);
      for (const [name, pool] of Object.entries({ ...pools }))
        pools[`${name}_spoiled`] = spoiled(pool, random);
      return {
        conditions: {
          model: `${id}, embedded, on the CPU; its daemon joined through the tunnel`,
          reference: `canned, always right, priced as ${REFERENCE}`,
          tasks: tasks.map(({ name }) => name).join(", "),
          calls: `at least ${least} a task, one session each; a certified one goes on until 100 calls after its promotion, at most ${MOST_TIMES * least}`,
          time: `as fast as the model answers: an agent waits while 24 draws do`,
          policy: `ε ${POLICY.epsilon}, δ ${POLICY.delta}, draw share ${POLICY.drawShare}, min_tests ${POLICY.minTests}, form margin ${POLICY.formMargin}, canary_audits ${POLICY.canaryAudits}, automatic`,
          replay: `${SEEDS} seeds of ${REPLAYED_CALLS} calls, drawn with replacement from the recorded shadow draws of each task, and from the same with ${100 * SPOILED} % of the answers turned wrong`,
          seed: SEED,
        },
        figures: {
          ...money,
          ...replayFigures(pools),
          ...Object.assign({}, ...trails.map(trailFigures)),
        },
      };
    } finally {
      await node.close();
    }
  } finally {
    await gateway.close();
    await reference.close();
  }
}

/** From `observe` to `promoted` without a hand on it, the certificate against the truth, and the money against the raw ledger. */
export const conversion: Benchmark = {
  about:
    "four agent tasks of --data from the reference to the starter model and back: who moves, who was wrong",
  run,
};
