import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allCalls } from "../bench/conversion/drive.ts";
import { type LedgerDraw, moneyOf } from "../bench/conversion/savings-oracle.ts";
import { chatReply } from "./harness/chat-replies.ts";
import { ADMIN_KEY, startTestGateway, type TestGateway } from "./harness/gateway.ts";
import { startTestNode, type TestNode } from "./harness/node.ts";
import { type Reply, startUpstream, type Upstream, type UpstreamRequest } from "./harness/upstream.ts";

// Two recurring tasks behind one cloud model: one that the node's model can do, and one that it cannot. What the gateway
// makes of them is its own doing; the test only calls, and looks.
const SLM = "engine-model";
const JUDGE = "gpt-5-nano";
/** As OpenAI lists it; US dollars for a million tokens. */
const GPT_5_MINI = { input: 0.25, cached: 0.025, output: 2 };
const LABELS = ["billing", "delivery", "returns"];

interface TaskRow {
  id: string;
  mode: string;
  share: number;
  calls: number;
  certification: { threshold: number | null; n: number; losses: number; epsilon: number } | null;
}
interface Draw {
  call_id: string;
  label: string | null;
  by: string | null;
  judge_usd: number | null;
  feedback: { state: string; corrected: boolean; label_without: string } | null;
}
interface TaskDetail extends TaskRow {
  draws: Draw[];
  evidence: { settled: number; fine: number; wrong: number; missing: number };
  history: { from: { mode: string }; to: { mode: string; share: number }; because: string }[];
}

const json = (body: object): Reply => ({
  headers: { "content-type": "application/json" },
  steps: [{ send: JSON.stringify(body) }],
});

/** The right answer stands in the request, for whoever can read it. */
function rightAnswer(request: UpstreamRequest): string {
  const number = Number(/ticket (\d+)/.exec(request.body.toString())?.[1] ?? 0);
  return LABELS[number % LABELS.length] ?? "";
}

/** Long enough that equal meaning has many wordings. */
const inProse = (label: string, by: "reference" | "engine"): string =>
  by === "reference"
    ? `This ticket belongs to ${label}, as far as can be told from what stands in it, and nobody else need see it.`
    : `It is a matter of ${label}: I would hand it to the people who look after such things, today if that can be.`;

/** A judge that looks for the right label in both answers. */
function judgeWord(request: UpstreamRequest): string {
  const { messages } = JSON.parse(request.body.toString()) as { messages: { content: string }[] };
  const { a, b } = JSON.parse(messages[1]?.content ?? "") as { a: string; b: string };
  const right = rightAnswer(request);
  if (a.includes(right) === b.includes(right)) return "SAME";
  return a.includes(right) ? "A" : "B";
}

let cloud: Upstream;
let engine: Upstream;
let gateway: TestGateway;
let node: TestNode;
/** The node's model begins to be wrong about everything. */
let broken = false;

beforeAll(async () => {
  cloud = await startUpstream((request) => {
    if (request.body.includes("You compare two answers"))
      return chatReply({ content: judgeWord(request), model: JUDGE, promptTokens: 1_000 });
    const right = rightAnswer(request);
    const content = request.body.includes("prose") ? inProse(right, "reference") : right;
    return chatReply({ content, model: "gpt-5-mini" });
  });
  engine = await startUpstream((request) => {
    if (request.method === "GET") return json({ object: "list", data: [{ id: SLM, object: "model" }] });
    const right = rightAnswer(request);
    if (request.body.includes("prose")) {
      const said = Number(/ticket (\d+)/.exec(request.body.toString())?.[1]) % 4 === 0 ? "gardening" : right;
      return chatReply({ content: inProse(said, "engine"), model: SLM });
    }
    const wrong = broken || request.body.includes("hard");
    return chatReply({ content: wrong ? "no idea" : right, model: SLM });
  });
  gateway = await startTestGateway({ vars: { OPENAI_API_KEY: "k", OPENAI_BASE_URL: `${cloud.url}/v1` } });
  node = await startTestNode({ gateway, attach: [`${engine.url}/v1`] });
  await gateway.admin("/api/settings", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      // A certificate counts only calls that began longer ago than the longest may take.
      deadlines: { total_ms: 8_000 },
      conversion: {
        promotion: "automatic",
        draw_share: 1,
        min_calls: 5,
        min_tests: 10,
        form_margin: 0.25,
        canary_audits: 2,
        epsilon: 0.1,
        judge: JUDGE,
      },
    }),
  });
});

afterAll(async () => {
  await node.close();
  await gateway.close();
  await engine.close();
  await cloud.close();
});

let ticket = 0;

async function call(task: string): Promise<{ servedBy: string; text: string; right: string }> {
  const number = ticket++;
  const response = await gateway.chat(
    {
      model: "gpt-5-mini",
      messages: [
        { role: "system", content: `You sort tickets into ${LABELS.join(", ")} (${task}).` },
        { role: "user", content: `ticket ${number}` },
      ],
    },
    { headers: { "x-routelet-task": task } },
  );
  const body = (await response.json()) as { choices: { message: { content: string } }[] };
  return {
    servedBy: response.headers.get("x-routelet-served-by") ?? "",
    text: body.choices[0]?.message.content ?? "",
    right: LABELS[number % LABELS.length] ?? "",
  };
}

const detail = async (task: string) => (await gateway.admin(`/api/tasks/${task}`)) as TaskDetail;

/** Calls until the task is as it should be; a few at a time, as agents do. */
async function callUntil(task: string, reached: (detail: TaskDetail) => boolean): Promise<TaskDetail> {
  for (let round = 0; round < 200; round++) {
    await Promise.all(Array.from({ length: 10 }, () => call(task)));
    // A task is known behind the response of its first call.
    const now = await detail(task).catch(() => null);
    if (now !== null && reached(now)) return now;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const { mode, share, evidence } = await detail(task);
  throw new Error(`${task} stays at ${JSON.stringify({ mode, share, evidence })}`);
}

describe("a recurring task", () => {
  it("that the small model can do is moved to it by evidence, and every answer stays right", async () => {
    const promoted = await callUntil("easy", ({ mode }) => mode === "promoted");
    expect(promoted.certification?.threshold).not.toBeNull();
    expect(promoted.certification?.epsilon).toBe(0.1);
    expect(promoted.evidence.wrong).toBe(0);
    expect(promoted.history.map(({ to }) => `${to.mode} ${to.share}`)).toEqual([
      "shadow 0",
      "canary 0.05",
      "canary 0.25",
      "canary 1",
      "promoted 1",
    ]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => call("easy")));
    expect(answers.every(({ text, right }) => text === right)).toBe(true);
    expect(new Set(answers.map(({ servedBy }) => servedBy))).toEqual(new Set([`slm/${SLM}`]));
  }, 180_000);

  it("that it cannot do stays with the model that was asked for", async () => {
    const tried = await callUntil("hard", ({ evidence }) => evidence.settled >= 60);
    expect(tried.mode).toBe("shadow");
    expect(tried.certification).toBeNull();
    expect(tried.evidence).toMatchObject({ fine: 0 });
    expect((await call("hard")).servedBy).toBe("llm/openai/gpt-5-mini");
  }, 120_000);

  it("shows what it saved, with an interval, as its raw calls say, and says where it cannot", async () => {
    interface Group {
      task: string | null;
      calls: number;
      slm_calls: number;
      spent_usd: number;
      reference_usd: { value: number; low: number; high: number } | null;
      net_saved_usd: { value: number } | null;
      why_unknown: string | null;
    }
    for (;;) {
      const { data } = (await gateway.admin("/api/savings")) as { data: Group[] };
      const easy = data.find(({ task, slm_calls }) => task === "easy" && slm_calls >= 20);
      const calls = (await allCalls(gateway)).filter(({ task }) => task === "easy");
      const { draws } = (await gateway.admin("/api/tasks/easy?draws=10000")) as { draws: LedgerDraw[] };
      const found = moneyOf({ calls, draws, price: GPT_5_MINI, nodeUsdPerMillion: 0 });
      // The page follows the ledger: D1 hears of calls in batches.
      if (easy === undefined || easy.calls !== found.calls) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        continue;
      }
      expect(easy.slm_calls).toBe(found.slmCalls);
      expect(easy.spent_usd).toBeCloseTo(found.spent, 10);
      for (const end of ["value", "low", "high"] as const)
        expect(easy.reference_usd?.[end]).toBeCloseTo(found.reference?.[end] ?? Number.NaN, 10);
      expect(easy.why_unknown).toBeNull();
      const { value, low, high } = easy.reference_usd ?? { value: 0, low: 0, high: 0 };
      // gpt-5-mini: 0.25 and 2 dollars for a million tokens in and out; both count 7 and 3 tokens here.
      expect(value / easy.slm_calls).toBeCloseTo((7 * 0.25 + 3 * 2) / 1e6, 8);
      expect(low).toBeLessThanOrEqual(value);
      expect(high).toBeGreaterThanOrEqual(value);
      expect(data.find(({ task }) => task === "hard")).toMatchObject({
        slm_calls: 0,
        net_saved_usd: { value: 0 },
      });
      return;
    }
  }, 60_000);

  it("becomes a data set: what was curated comes out as a file, right, and apart from what judges", async () => {
    interface Dataset {
      id: string;
      state: string;
      items: number;
      message: string | null;
      counts: { looked_at: number; left_out: Record<string, number> };
    }
    interface Line {
      messages: { role: string; content: string }[];
    }
    const post = (path: string, type: string, body: string) =>
      gateway.admin(path, { method: "POST", headers: { "content-type": type }, body }) as Promise<Dataset>;
    async function made(kind: string): Promise<Dataset> {
      const order = JSON.stringify({ task: "hard", kind, name: `hard ${kind}` });
      const { id } = await post("/api/datasets", "application/json", order);
      for (;;) {
        const set = (await gateway.admin(`/api/datasets/${id}`)) as Dataset;
        if (set.state !== "building") return set;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    async function exported(id: string): Promise<{ text: string; lines: Line[] }> {
      const headers = { authorization: `Bearer ${ADMIN_KEY}` };
      const text = await (await gateway.fetch(`/api/datasets/${id}/export`, { headers })).text();
      return {
        text,
        lines: text
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line) as Line),
      };
    }

    const [training, evaluation] = [await made("training"), await made("evaluation")];
    expect(training).toMatchObject({ state: "ready", message: null });
    expect(training.counts.looked_at).toBe(evaluation.counts.looked_at);
    expect(training.counts.left_out.other_side).toBe(evaluation.items);
    const [trained, held] = [await exported(training.id), await exported(evaluation.id)];
    expect(trained.lines).toHaveLength(training.items);
    for (const { messages } of [...trained.lines, ...held.lines]) {
      expect(messages.map(({ role }) => role)).toEqual(["system", "user", "assistant"]);
      const number = Number(/^ticket (\d+)$/.exec(messages[1]?.content ?? "")?.[1]);
      expect(messages[2]?.content).toBe(LABELS[number % LABELS.length]);
    }
    const said = new Set(trained.lines.map(({ messages }) => messages[1]?.content));
    expect(said.size).toBe(training.items);
    expect(held.lines.filter(({ messages }) => said.has(messages[1]?.content))).toEqual([]);

    const again = await post("/api/datasets/import?name=again", "application/jsonl", trained.text);
    expect(again).toMatchObject({ state: "ready", items: training.items });
    expect((await exported(again.id)).text).toBe(trained.text);
    await expect(post("/api/datasets", "application/json", '{"task":"never"}')).rejects.toThrow(
      /task_not_found/,
    );
  }, 60_000);

  it("has its small models measured on a data set by jobs, behind every call, and a job can be cancelled", async () => {
    interface Job {
      id: string;
      state: string;
      total: number;
      result: { outcomes: Record<string, number>; agreement: { share: number; low: number } | null };
      events: { message: string }[];
    }
    const post = <T>(path: string, body: string, type = "application/json") =>
      gateway.admin(path, { method: "POST", headers: { "content-type": type }, body }) as Promise<T>;
    const line = (number: number, label: string | undefined) =>
      JSON.stringify({
        messages: [
          { role: "system", content: "You sort tickets." },
          { role: "user", content: `ticket ${number}` },
          { role: "assistant", content: label },
        ],
      });
    const imported = async (name: string, lines: string[]) =>
      (await post<{ id: string }>(`/api/datasets/import?name=${name}`, lines.join("\n"), "application/jsonl"))
        .id;
    async function ended(job: Job): Promise<Job> {
      for (;;) {
        const now = (await gateway.admin(`/api/jobs/${job.id}`)) as Job;
        if (now.state !== "queued" && now.state !== "running") return now;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    const numbers = Array.from({ length: 12 }, (_, at) => at);
    const labels = numbers.map((at) => (at < 2 ? "nonsense" : LABELS[at % LABELS.length]));
    const dataset = await imported(
      "measured",
      numbers.map((at) => line(at, labels[at])),
    );
    const found = await ended(await post<Job>("/api/jobs", JSON.stringify({ dataset, model: `slm/${SLM}` })));
    expect(found).toMatchObject({
      state: "succeeded",
      total: 12,
      result: { outcomes: { agrees: 10, differs: 2, failed: 0 }, agreement: { share: 10 / 12 } },
    });

    const examples_from = await imported("shown", [line(100, LABELS[1]), line(101, LABELS[2])]);
    const before = engine.requests.length;
    const order = { dataset, model: SLM, limit: 1, examples_from, examples: 2 };
    await ended(await post<Job>("/api/jobs", JSON.stringify(order)));
    const [asked] = engine.requests.slice(before).map(({ body }) => JSON.parse(body.toString()));
    expect(asked.messages.map(({ role }: { role: string }) => role)).toEqual([
      "system",
      "user",
      "assistant",
      "user",
      "assistant",
      "user",
    ]);

    const many = await imported(
      "many",
      Array.from({ length: 1_000 }, (_, at) => line(at, "x")),
    );
    const long = await post<Job>("/api/jobs", JSON.stringify({ dataset: many, model: SLM }));
    expect(await post<Job>(`/api/jobs/${long.id}/cancel`, "")).toMatchObject({ state: "cancelled" });
    expect(await ended(long)).toMatchObject({ state: "cancelled" });
    const refusals = [
      post(`/api/jobs/${long.id}/cancel`, ""),
      post("/api/jobs", JSON.stringify({ dataset, model: "no-such-model" })),
      post("/api/jobs", JSON.stringify({ dataset: "ds_none", model: SLM })),
      post("/api/jobs", JSON.stringify({ dataset, model: SLM, examples_from: dataset })),
      gateway.admin("/api/jobs/job_none"),
    ];
    const said = await Promise.allSettled(refusals);
    const codes = [
      "job_ended",
      "model_not_served",
      "dataset_not_found",
      "examples_from_evaluation",
      "job_not_found",
    ];
    expect(said.map((each) => (each.status === "rejected" ? String(each.reason) : "taken"))).toEqual(
      codes.map((code) => expect.stringContaining(code)),
    );
    const { data } = (await gateway.admin("/api/jobs?limit=2")) as { data: Job[] };
    expect(data.map(({ id }) => id)).toContain(long.id);
  }, 60_000);

  it("goes back by itself when the small model gets worse", async () => {
    broken = true;
    const demoted = await callUntil("easy", ({ mode }) => mode === "demoted");
    expect(demoted.history.at(-1)).toMatchObject({ from: { mode: "promoted" }, because: "drift" });
    // Isolates hear of it within seconds.
    while ((await call("easy")).servedBy !== "llm/openai/gpt-5-mini")
      await new Promise((resolve) => setTimeout(resolve, 500));
  }, 180_000);

  it("is kept where it is by a person", async () => {
    const patch = (body: object) =>
      gateway.admin("/api/tasks/hard", {
        method: "PATCH",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    expect(await patch({ name: "Hard tickets", excluded: true })).toMatchObject({
      name: "Hard tickets",
      mode: "observe",
    });
    const seen = cloud.requests.length;
    const asked = engine.requests.length;
    await call("hard");
    expect(cloud.requests.length).toBe(seen + 1);
    expect(engine.requests.length).toBe(asked);
  });

  it("is recognised without a name, whatever stands in its prompt, and the reply says which", async () => {
    const ask = async (date: string, city: string) => {
      const response = await gateway.chat({
        model: "gpt-5-mini",
        messages: [
          {
            role: "system",
            content: `You translate the user's words into French and answer with the translation alone. Today is ${date}; the user is in "${city}".`,
          },
          { role: "user", content: `ticket ${ticket++}` },
        ],
      });
      await response.arrayBuffer();
      return response.headers.get("x-routelet-task");
    };
    const first = await ask("2026-11-24", "Bern");
    expect(first).toMatch(/\w/);
    expect(await ask("2026-12-01", "Thun")).toBe(first);
    for (;;) {
      const { data } = (await gateway.admin("/api/tasks")) as { data: TaskRow[] };
      if (data.some(({ id, calls }) => id === first && calls >= 1)) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }, 30_000);

  it("that nobody knows is a 404 that says where to look", async () => {
    await expect(detail("no-such-task")).rejects.toThrow(/404|task_not_found/);
  });

  it("whose answers are prose is compared by the judge, and by what users say above that", async () => {
    const judged = ({ draws }: TaskDetail) => draws.filter(({ by }) => by === "judge");
    const enough = (found: TaskDetail) =>
      judged(found).length >= 12 && judged(found).some(({ label }) => label === "wrong");
    const found = judged(await callUntil("prose", enough));
    expect(new Set(found.map(({ label }) => label))).toEqual(new Set(["fine", "wrong"]));
    const wrong = found.filter(({ label }) => label === "wrong");
    for (const { call_id } of wrong.slice(0, 1)) {
      const corrected = inProse("gardening", "engine");
      const sent = await gateway.fetch("/v1/feedback", {
        method: "POST",
        body: JSON.stringify({ call_id, corrected }),
      });
      expect(sent.status).toBe(200);
      for (;;) {
        const { draws } = (await gateway.admin("/api/tasks/prose?draws=1000")) as TaskDetail;
        const draw = draws.find((each) => each.call_id === call_id);
        if (draw?.by === "feedback") {
          expect(draw).toMatchObject({
            label: "fine",
            feedback: { state: "counted", corrected: true, label_without: "wrong" },
          });
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    // gpt-5-nano: 0.05 and 0.4 dollars for a million tokens in and out; each pair is asked about twice.
    for (const { judge_usd } of found)
      expect(judge_usd).toBeCloseTo((2 * (1_000 * 0.05 + 3 * 0.4)) / 1e6, 10);
    const { judges_usd } = (await gateway.admin("/api/savings")) as { judges_usd: number };
    expect(judges_usd).toBeGreaterThanOrEqual(
      found.reduce((sum, { judge_usd }) => sum + (judge_usd ?? 0), 0),
    );
  }, 120_000);
});
