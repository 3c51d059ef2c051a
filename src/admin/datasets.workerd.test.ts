import { applyD1Migrations, env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { downD1 } from "../db/fixtures/down-d1.ts";
import type { Env } from "../env.ts";
import { keepFeedback } from "../ledger/feedback/feedback-store.ts";
import { finishRecord, startRecord } from "../ledger/fixtures/records.ts";
import type { CallFinish, CallStart } from "../ledger/records.ts";
import { ledgerShard } from "../ledger/shards.ts";
import { storeBody } from "../ledger/store-body.ts";
import { sideOf, splitKey } from "../routing/guarantee/split.ts";
import { adminApp } from "./app.ts";

beforeAll(async () => {
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  await env.DB.prepare("INSERT INTO projects (id, name, created_at) VALUES ('other', 'other', 0)").run();
  await env.DB.prepare(
    "INSERT INTO api_keys (id, project_id, name, prefix, hash, audience, created_at) VALUES ('key_human', 'default', 'h', 'rl_', 'x', 'human', 0)",
  ).run();
});

// biome-ignore lint/suspicious/noExplicitAny: a test reads answers field by field
type Json = any;

async function api(
  method: string,
  path: string,
  options: { body?: unknown; type?: string; env?: Partial<Env> } = {},
): Promise<{ status: number; json: Json; text: string; headers: Headers }> {
  const headers = new Headers({ authorization: "Bearer admin-key-for-tests" });
  if (options.body !== undefined) headers.set("content-type", options.type ?? "application/json");
  const body = typeof options.body === "string" ? options.body : JSON.stringify(options.body);
  const request = new Request(`http://gateway${path}`, { method, headers, body });
  const response = await adminApp.fetch(request, { ...env, ...options.env });
  const text = new TextDecoder().decode(await response.arrayBuffer());
  const isJson = response.headers.get("content-type") === "application/json" || !response.ok;
  return { status: response.status, json: isJson ? JSON.parse(text) : null, text, headers: response.headers };
}

/** Words whose conversation is on a side of the split. */
function on(side: "training" | "evaluation", words: string): string {
  for (let n = 0; ; n++) {
    const text = `${words} ${n}`;
    const isTraining = sideOf(splitKey({ session: null, firstMessage: text })) === "train";
    if (isTraining === (side === "training")) return text;
  }
}

interface Recorded extends Partial<CallStart> {
  says: string;
  answers?: string | null;
  finish?: Partial<CallFinish>;
  request?: object;
}

const encode = (json: object) => new TextEncoder().encode(JSON.stringify(json));
const completion = (content: string) => ({
  object: "chat.completion",
  choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
});

/** A chat call that the cloud answered, in the ledger. */
async function record({ says, answers = "fine", finish = {}, request = {}, ...start }: Recorded) {
  const begun = startRecord({ requestedModel: "gpt-5-mini", ...start });
  const seal = async (part: "request" | "response", json: object) => {
    const bytes = encode(json);
    const { id: callId, projectId } = begun;
    return storeBody({ env, callId, projectId, part, bytes, originalBytes: bytes.length });
  };
  const asked = { model: begun.requestedModel, messages: [{ role: "user", content: says }], ...request };
  const bodies = [await seal("request", asked)];
  if (answers !== null) bodies.push(await seal("response", completion(answers)));
  const shard = ledgerShard(env, 0);
  await shard.start(begun);
  const end = { servedBy: "llm/openai/gpt-5-mini", bodies, ...finish };
  await shard.finish([{ finish: finishRecord(begun, end), start: null }]);
  return begun.id;
}

/** Runs a set's steps until it is made. */
async function made(id: string, project = "default"): Promise<Json> {
  for (let round = 0; round < 200; round++) {
    const { json } = await api("GET", `/api/datasets/${id}?project=${project}`);
    if (json.state !== "building") return json;
    await runDurableObjectAlarm(env.DATASET_BUILD.getByName(id));
  }
  throw new Error(`${id} is not made`);
}

async function build(body: object): Promise<Json> {
  const { status, json } = await api("POST", "/api/datasets", { body });
  expect(json).toMatchObject({ object: "dataset", state: "building", items: 0 });
  expect(status).toBe(201);
  return made(json.id, json.project);
}

async function exported(id: string, query = ""): Promise<{ lines: Json[]; headers: Headers }> {
  const { status, text, headers } = await api("GET", `/api/datasets/${id}/export${query}`);
  expect(status).toBe(200);
  expect(text.endsWith("\n") || text === "").toBe(true);
  return {
    lines: text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line)),
    headers,
  };
}

const questions = (lines: Json[]): string[] => lines.map((line) => line.messages[0].content);
const answers = (lines: Json[]): string[] => lines.map((line) => line.messages.at(-1).content);

let counter = 0;
const newTask = () => `task-${counter++}`;

describe("a training set", () => {
  it("has the task's good calls of the training side, and says what became of the others", async () => {
    const task = newTask();
    const good = "where is parcel seven of my order";
    const session = ["a", "b", "c", "d", "e", "f", "g"].find(
      (name) => sideOf(splitKey({ session: name, firstMessage: "" })) === "train",
    );
    const bad = on("training", "cancel my order now");
    const corrected = on("training", "who answers this one");
    const call = (more: Recorded) => record({ task, ...more });
    await call({ says: good, session });
    await call({ says: good.toUpperCase(), session });
    await call({ says: on("evaluation", "held out") });
    await call({ says: on("training", "left early"), finish: { outcome: "cancelled" } });
    await call({ says: on("training", "went wrong"), finish: { outcome: "error" }, answers: null });
    await call({ says: on("training", "no words kept"), finish: { bodies: [] } });
    await call({ says: on("training", "made for people"), keyId: "key_human" });
    await call({ says: on("training", "a small one said"), finish: { servedBy: "slm/smol" } });
    await call({
      says: on("training", "json wanted"),
      request: { response_format: { type: "json_object" } },
    });
    await record({ says: on("training", "of another task"), task: newTask() });
    const about = async (says: string, more: { score: number | null; content: object | null }) => {
      const target = { call: await call({ says }) };
      await keepFeedback({ env, projectId: "default", keyId: "env", target, at: 1, ...more });
    };
    await about(bad, { score: 0, content: null });
    await about(corrected, { score: 0, content: { corrected: "the billing team" } });

    const set = await build({ task, name: "curated" });
    expect(set).toMatchObject({ state: "ready", kind: "training", items: 2, version: 1, message: null });
    expect(set.counts).toMatchObject({ looked_at: 11, corrected: 1, nodes_only: 0 });
    expect(set.counts.left_out).toEqual({
      near_duplicate: 1,
      other_side: 1,
      cancelled: 1,
      failed: 1,
      no_content: 1,
      human: 1,
      stand_in: 1,
      other_schema: 1,
      disliked: 1,
    });
    const { lines, headers } = await exported(set.id);
    expect(new Set(answers(lines))).toEqual(new Set(["fine", "the billing team"]));
    expect(questions(lines)).toContain(corrected);
    expect(headers.get("content-type")).toBe("application/jsonl; charset=utf-8");
    expect(headers.get("content-disposition")).toBe('attachment; filename="curated-v1.jsonl"');
    expect(headers.get("x-routelet-items")).toBe("2");
  });

  it("never shares a conversation with an evaluation set", async () => {
    const task = newTask();
    const words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"];
    for (const [at, word] of words.entries()) {
      await record({ task, says: `${word} of a kind`, session: at % 2 ? `s-${word}` : null });
      await record({ task, says: `${word} of a kind goes on`, session: at % 2 ? `s-${word}` : null });
    }
    const training = await exported((await build({ task, name: `${task}-t` })).id);
    const evaluation = await exported((await build({ task, name: `${task}-e`, kind: "evaluation" })).id);
    const trained = new Set(questions(training.lines));
    expect(training.lines.length).toBeGreaterThan(0);
    expect(evaluation.lines.length).toBeGreaterThan(0);
    expect(questions(evaluation.lines).filter((question) => trained.has(question))).toEqual([]);
    const { results } = await env.DB.prepare(
      "SELECT d.kind, i.side FROM dataset_items AS i JOIN datasets AS d ON d.id = i.dataset_id WHERE i.side IS NOT NULL",
    ).all<{ kind: string; side: string }>();
    expect(results.every(({ kind, side }) => (kind === "training") === (side === "train"))).toBe(true);
  });

  it("holds surrogates for what is private, and an evaluation set what was said", async () => {
    const task = newTask();
    const mail = "jane.roe@acme-corp.com";
    const asks = (side: "training" | "evaluation") => on(side, `Write to ${mail} that her parcel is here`);
    await record({ task, says: asks("training"), answers: `Dear ${mail}` });
    await record({ task, says: asks("evaluation"), answers: `Dear ${mail}` });
    const image = { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } };
    const says = "what is this";
    const content = [{ type: "text", text: says }, image];
    // The image is of its first message too, so that a session says its side.
    const numbers = Array.from({ length: 100 }, (_, at) => `images ${at}`);
    const session = numbers.find((name) => sideOf(splitKey({ session: name, firstMessage: "" })) === "train");
    await record({ task, says, session: session ?? "", request: { messages: [{ role: "user", content }] } });
    const training = await build({ task, name: `${task}-t` });
    expect(training).toMatchObject({ items: 1, counts: { replaced: 1, left_out: { untreated: 1 } } });
    const [line] = (await exported(training.id)).lines;
    expect(JSON.stringify(line)).not.toContain(mail);
    const [surrogate = ""] = /\S+@\S+/.exec(line.messages[1].content) ?? [];
    expect(line.messages[0].content).toContain(surrogate);
    const evaluation = await build({ task, name: `${task}-e`, kind: "evaluation" });
    expect(evaluation.counts.replaced).toBe(0);
    expect(answers((await exported(evaluation.id)).lines)).toEqual([`Dear ${mail}`]);
  });

  it("in which nothing is left says why, and cannot be exported", async () => {
    const task = newTask();
    await record({ task, says: on("training", "one"), finish: { bodies: [] } });
    await record({ task, says: on("training", "two"), finish: { outcome: "cancelled" } });
    await record({ task, says: on("training", "three"), finish: { bodies: [] } });
    const set = await build({ task });
    expect(set).toMatchObject({ state: "empty", items: 0, name: task });
    expect(set.message).toBe(
      "None of the 3 calls can be used: 2 have no stored content (`content.store` is off, or they were `local-only`); 1 were cancelled by their client.",
    );
    const refused = await api("GET", `/api/datasets/${set.id}/export`);
    expect(refused).toMatchObject({ status: 409, json: { error: { code: "dataset_not_ready" } } });
  });

  it("of calls that there are none of is empty, and says so", async () => {
    const set = await build({ name: "none", model: "no-such-model" });
    expect(set).toMatchObject({ state: "empty", message: "No recorded call fits what was asked for." });
  });
});

describe("an evaluation set", () => {
  it("is a raw sample: failures, dislikes and repetitions are in it", async () => {
    const task = newTask();
    const twice = on("evaluation", "asked twice");
    await record({ task, says: twice });
    await record({ task, says: twice });
    await record({ task, says: on("evaluation", "went wrong"), answers: null, finish: { outcome: "error" } });
    const target = { call: await record({ task, says: on("evaluation", "disliked") }) };
    const content = { corrected: "another answer" };
    await keepFeedback({ env, projectId: "default", keyId: "env", target, at: 1, score: 0, content });
    const set = await build({ task, kind: "evaluation" });
    expect(set).toMatchObject({
      state: "ready",
      items: 4,
      counts: { corrected: 0, not_exportable: 1, left_out: {} },
    });
    const { lines, headers } = await exported(set.id);
    expect(answers(lines)).toEqual(["fine", "fine", "fine"]);
    expect(headers.get("x-routelet-left-out")).toBe("1");
  });
});

describe("calls that must stay on nodes", () => {
  it("are in a set with their mark, and in a file only where that is asked for", async () => {
    const task = newTask();
    const kept = on("training", "stays at home");
    await record({ task, says: kept, requestedModel: "slm/smol", finish: { servedBy: "slm/smol" } });
    await record({ task, says: on("training", "may go anywhere") });
    await record({
      task,
      says: on("training", "routed home"),
      route: "slm",
      finish: { servedBy: "slm/smol" },
    });
    const set = await build({ task });
    expect(set).toMatchObject({ items: 3, counts: { nodes_only: 2 } });
    const without = await exported(set.id);
    expect(without.lines).toHaveLength(1);
    expect(JSON.stringify(without.lines)).not.toContain(kept);
    expect(without.headers.get("x-routelet-left-out")).toBe("2");
    const { lines } = await exported(set.id, "?nodes_only=include");
    const marked = lines.filter(({ routelet }) => routelet?.nodes_only === true);
    expect(lines).toHaveLength(3);
    expect(questions(marked)).toContain(kept);
  });
});

describe("a set in the making", () => {
  it("goes on where it stopped, whatever its size, and never takes a call twice", async () => {
    const task = newTask();
    for (let call = 0; call < 120; call++) {
      const word = String.fromCharCode(97 + (call % 26)).repeat(3 + Math.floor(call / 26));
      await record({ task, says: `${word} ${call} ${word}`, session: `s${call}` });
    }
    const { json } = await api("POST", "/api/datasets", { body: { task, kind: "evaluation", limit: 60 } });
    const stub = env.DATASET_BUILD.getByName(json.id);
    // The process dies after D1 took a step and before the object noted it: the step is done again.
    const job = await runInDurableObject(stub, (_instance, state) => state.storage.get("job"));
    const done = await made(json.id);
    await env.DB.prepare("UPDATE datasets SET state = 'building' WHERE id = ?").bind(json.id).run();
    await runInDurableObject(stub, async (_instance, state) => {
      await state.storage.put("job", job);
      await state.storage.setAlarm(Date.now());
    });
    const again = await made(json.id);
    expect(done).toMatchObject({ state: "ready", items: 60 });
    expect(again.counts).toEqual(done.counts);
    const { lines } = await exported(json.id);
    expect(lines).toHaveLength(60);
    expect(new Set(questions(lines)).size).toBe(60);
    expect(
      await runInDurableObject(stub, async (_instance, state) => (await state.storage.list()).size),
    ).toBe(0);
  }, 60_000);

  it("is told of the same name's second order, which is refused until it is done", async () => {
    const task = newTask();
    await record({ task, says: on("training", "one of its kind") });
    const first = await api("POST", "/api/datasets", { body: { task, name: "twice" } });
    const second = await api("POST", "/api/datasets", { body: { task, name: "twice" } });
    expect(second).toMatchObject({
      status: 409,
      json: { error: { code: "dataset_building", param: "name" } },
    });
    await made(first.json.id);
    expect(await build({ task, name: "twice" })).toMatchObject({ version: 2, state: "ready" });
  });

  it("is given up when it is deleted, and nothing of it is left", async () => {
    const task = newTask();
    await record({ task, says: on("training", "soon gone") });
    const { json } = await api("POST", "/api/datasets", { body: { task } });
    const gone = await api("DELETE", `/api/datasets/${json.id}`);
    expect(gone.json).toEqual({ object: "dataset", id: json.id, deleted: true });
    await runDurableObjectAlarm(env.DATASET_BUILD.getByName(json.id));
    const rows = await env.DB.prepare("SELECT count(*) AS n FROM dataset_items WHERE dataset_id = ?")
      .bind(json.id)
      .first<{ n: number }>();
    expect(rows?.n).toBe(0);
    expect((await api("DELETE", `/api/datasets/${json.id}`)).status).toBe(404);
  });

  it("is taken in smaller steps where its calls are long", async () => {
    const task = newTask();
    const long = "lorem ".repeat(80_000);
    for (let call = 0; call < 12; call++)
      await record({ task, says: `${call} ${long}`, session: `long ${call}` });
    const { json } = await api("POST", "/api/datasets", { body: { task, kind: "evaluation" } });
    const { json: all } = await api("POST", "/api/datasets", { body: { task, name: "t", kind: "training" } });
    const [evaluation, training] = [await made(json.id), await made(all.id)];
    expect(evaluation.counts.looked_at).toBe(12);
    expect(evaluation.items + training.counts.looked_at - training.counts.left_out.other_side).toBe(12);
  }, 60_000);

  it("that is large is deleted whole", async () => {
    const line = JSON.stringify({
      messages: [
        { role: "user", content: "a" },
        { role: "assistant", content: "b" },
      ],
    });
    const body = Array.from({ length: 2_500 }, () => line).join("\n");
    const { json } = await api("POST", "/api/datasets/import?name=large", {
      body,
      type: "application/jsonl",
    });
    // One that was cut off before: it is given out no more, and goes when it is asked for again.
    await env.DB.prepare("UPDATE datasets SET state = 'deleting' WHERE id = ?").bind(json.id).run();
    expect((await api("GET", `/api/datasets/${json.id}/export`)).json.error.code).toBe("dataset_not_ready");
    expect((await api("DELETE", `/api/datasets/${json.id}`)).json.deleted).toBe(true);
    const left = await env.DB.prepare("SELECT count(*) AS n FROM dataset_items WHERE dataset_id = ?").bind(
      json.id,
    );
    expect(await left.first<{ n: number }>()).toEqual({ n: 0 });
    expect((await api("GET", `/api/datasets/${json.id}`)).status).toBe(404);
  }, 60_000);

  it("waits for D1 while it is down, and is made when it is back", async () => {
    const task = newTask();
    await record({ task, says: on("training", "after the outage") });
    const { json } = await api("POST", "/api/datasets", { body: { task } });
    const stub = env.DATASET_BUILD.getByName(json.id);
    await runInDurableObject(stub, async (instance, state) => {
      await state.storage.deleteAlarm();
      const own = instance as unknown as { env: Env };
      const { env: whole } = own;
      own.env = { ...whole, DB: downD1() };
      await instance.alarm();
      own.env = whole;
    });
    expect((await api("GET", `/api/datasets/${json.id}`)).json.state).toBe("building");
    expect(await made(json.id)).toMatchObject({ state: "ready", items: 1 });
  });
});

describe("what is stored of a set", () => {
  it("is encrypted, belongs to its place, and who opens it is recorded", async () => {
    const task = newTask();
    await record({ task, says: on("training", "canary-4471") });
    const set = await build({ task });
    const { results } = await env.DB.prepare("SELECT * FROM dataset_items WHERE dataset_id = ?")
      .bind(set.id)
      .all<{ ciphertext: number[] }>();
    const bytes = results.map(({ ciphertext }) => String.fromCharCode(...ciphertext)).join();
    expect(results).toHaveLength(1);
    expect(bytes).not.toContain("canary");
    expect((await exported(set.id)).lines).toHaveLength(1);
    const { results: log } = await env.DB.prepare("SELECT action FROM audit_log WHERE target = ? ORDER BY id")
      .bind(set.id)
      .all<{ action: string }>();
    expect(log.map(({ action }) => action)).toEqual(["dataset.create", "dataset.export"]);
    const moved = await build({ task, name: "moved" });
    await env.DB.prepare(
      "UPDATE dataset_items SET ciphertext = (SELECT ciphertext FROM dataset_items WHERE dataset_id = ?1) WHERE dataset_id = ?2",
    )
      .bind(set.id, moved.id)
      .run();
    const refused = await api("GET", `/api/datasets/${moved.id}/export`);
    expect(refused.json.error).toMatchObject({ code: "item_unreadable" });
    expect(refused.text).not.toContain("canary");
  });

  it("is another project's to nobody", async () => {
    const task = newTask();
    await record({ task, says: on("training", "ours"), projectId: "other" });
    const set = await build({ task, project: "other" });
    expect(set).toMatchObject({ state: "ready", items: 1, project: "other" });
    for (const [method, path] of [
      ["GET", ""],
      ["GET", "/export"],
      ["DELETE", ""],
    ] as const) {
      const refused = await api(method, `/api/datasets/${set.id}${path}`);
      expect(refused).toMatchObject({ status: 404, json: { error: { code: "dataset_not_found" } } });
    }
    const ours = await api("POST", "/api/datasets", { body: { task } });
    expect(ours).toMatchObject({ status: 404, json: { error: { code: "task_not_found", param: "task" } } });
    expect((await api("GET", "/api/datasets?project=other")).json.data.map(({ id }: Json) => id)).toEqual([
      set.id,
    ]);
  });

  it("is listed page by page, each once, newest first", async () => {
    const names = ["p1", "p2", "p3", "p4", "p5"];
    const file = `${JSON.stringify({
      messages: [
        { role: "user", content: "a" },
        { role: "assistant", content: "b" },
      ],
    })}\n`;
    await env.DB.prepare("INSERT INTO projects (id, name, created_at) VALUES ('pages', 'pages', 0)").run();
    for (const name of names)
      await api("POST", `/api/datasets/import?project=pages&name=${name}`, {
        body: file,
        type: "application/jsonl",
      });
    const seen: string[] = [];
    let cursor = "";
    do {
      const { json } = await api(
        "GET",
        `/api/datasets?project=pages&limit=2${cursor && `&cursor=${cursor}`}`,
      );
      seen.push(...json.data.map(({ name }: Json) => name));
      cursor = json.next_cursor ?? "";
    } while (cursor !== "");
    expect(new Set(seen)).toEqual(new Set(names));
    expect(seen).toHaveLength(names.length);
  });
});

describe("an order that cannot be met", () => {
  it.each<[string, object, number, string, string | null]>([
    ["a task that nobody has seen", { task: "no-such-task" }, 404, "task_not_found", "task"],
    ["a project that there is not", { project: "nope" }, 404, "project_not_found", "project"],
    ["a key that there is not", { key: "key_none" }, 404, "key_not_found", "key"],
    ["a key whose answers people read", { key: "key_human" }, 400, "human_audience", "key"],
    ["a kind that there is not", { kind: "test" }, 400, "invalid_field", "kind"],
    ["a limit of nothing", { limit: 0 }, 400, "invalid_field", "limit"],
    ["more than a set may hold", { limit: 100_001 }, 400, "invalid_field", "limit"],
    ["a time that is none", { since: "yesterday" }, 400, "invalid_field", "since"],
    ["a field that there is not", { filter: {} }, 400, "unknown_field", "filter"],
  ])("says so: %s", async (_what, body, status, code, param) => {
    const refused = await api("POST", "/api/datasets", { body });
    expect(refused).toMatchObject({ status, json: { error: { code, param } } });
  });

  it("is one for a task whose answers people read", async () => {
    const task = newTask();
    const call = {
      callId: await record({ task, says: "x" }),
      splitKey: "s",
      at: 1,
      count: 1,
      covered: true,
      askedSlm: false,
    } as const;
    await env.WORK.getByName("default").observe("default", [{ ...call, task: { name: task }, human: true }]);
    const refused = await api("POST", "/api/datasets", { body: { task } });
    expect(refused.json.error).toMatchObject({ code: "human_audience", param: "task" });
    const all = await build({ name: "by model", model: "gpt-5-mini", kind: "evaluation" });
    expect(all.counts.left_out.human).toBeGreaterThanOrEqual(1);
  });

  it("is one where nothing is collected", async () => {
    await env.DB.prepare("INSERT INTO projects (id, name, created_at) VALUES ('quiet', 'quiet', 0)").run();
    await api("PUT", "/api/settings?project=quiet", { body: { conversion: { collect: "off" } } });
    const refused = await api("POST", "/api/datasets", { body: { project: "quiet" } });
    expect(refused).toMatchObject({ status: 400, json: { error: { code: "collection_off" } } });
  });
});

describe("an import", () => {
  const line = (content: string) =>
    JSON.stringify({
      messages: [
        { role: "user", content },
        { role: "assistant", content: "ok" },
      ],
    });
  const send = (body: string, query = "name=mine") =>
    api("POST", `/api/datasets/import?${query}`, { body, type: "application/jsonl" });
  const count = async () =>
    (
      await env.DB.prepare(
        "SELECT (SELECT count(*) FROM datasets) + (SELECT count(*) FROM dataset_items) AS n",
      ).first<{ n: number }>()
    )?.n;

  it("is a data set at once, and comes out as it went in", async () => {
    const file = `${line("one")}\n\n${line("two")}\n`;
    const set = await send(file, "name=mine&kind=evaluation");
    expect(set).toMatchObject({
      status: 201,
      json: { state: "ready", source: "import", kind: "evaluation", filter: null, items: 2, version: 1 },
    });
    const { lines } = await exported(set.json.id);
    expect(lines.map((each) => JSON.stringify(each))).toEqual([line("one"), line("two")]);
  });

  it("of garbage names the line, and writes nothing", async () => {
    const before = await count();
    const refused = await send(`${line("one")}\n${line("two")}\n{"messages": 7}\n${line("three")}\n`);
    expect(refused).toMatchObject({
      status: 400,
      json: { error: { code: "invalid_line", param: "line 3" } },
    });
    expect((await send("")).json.error.code).toBe("empty_file");
    expect(await count()).toBe(before);
  });

  it("that D1 fails writes nothing", async () => {
    const before = await count();
    const failing = {
      ...env,
      DB: { prepare: env.DB.prepare.bind(env.DB), batch: downD1().batch } as D1Database,
    };
    const refused = await api("POST", "/api/datasets/import?name=mine", { body: line("one"), env: failing });
    expect(refused).toMatchObject({ status: 503, json: { error: { code: "database_unavailable" } } });
    expect(await count()).toBe(before);
  });

  it("of many and of long lines is whole", async () => {
    const many = Array.from({ length: 3_000 }, (_, at) => line(`ticket ${at} ${crypto.randomUUID()}`));
    const long = line("x".repeat(1_048_576));
    // Nothing that gzip could make smaller than what travels as text.
    const noise = () => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(50_000))));
    const hard = line(Array.from({ length: 20 }, noise).join(" "));
    const set = await send([...many, long, hard].join("\n"), "name=many");
    expect(set.json).toMatchObject({ items: 3_002 });
    const { lines } = await exported(set.json.id);
    expect(lines.map((each) => JSON.stringify(each))).toEqual([...many, long, hard]);
  }, 60_000);

  it("beyond the limit is refused", async () => {
    const refused = await send("x".repeat(16 * 1024 * 1024 + 1));
    expect(refused).toMatchObject({ status: 413, json: { error: { code: "request_too_large" } } });
    expect(refused.json.error.message).toContain("16 MiB");
  });

  it("needs a name", async () => {
    expect((await send(line("one"), "kind=training")).json.error).toMatchObject({ param: "name" });
  });
});
