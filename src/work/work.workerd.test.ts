import {
  applyD1Migrations,
  env,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { newCallId } from "../ledger/call-id.ts";
import type { CertificationWindow } from "../routing/guarantee/certification-window.ts";
import { keptCall } from "./fixtures/kept-call.ts";
import type { Task } from "./task.ts";
import { TaskStore } from "./task-store.ts";
import { MAX_TASKS, type ObservedCall } from "./work.ts";

beforeAll(() => applyD1Migrations(env.DB, env.TEST_MIGRATIONS));

let project = 0;
const work = () => env.WORK.getByName(`work-${project++}`);

const call = (more: Partial<ObservedCall> = {}): ObservedCall => ({
  callId: newCallId({ now: 1_000, env: {} }),
  task: { name: "t" },
  splitKey: "s",
  at: 1_000,
  count: 1,
  human: false,
  covered: true,
  askedSlm: false,
  ...more,
});

describe("a project's tasks", () => {
  it("are counted, and seen the moment that they are told of", async () => {
    const stub = work();
    const views = await stub.observe("default", [
      call({ count: 3 }),
      call({ task: { name: "u" } }),
      call({ at: 2_000 }),
    ]);
    expect(views).toMatchObject([{ id: "t" }, { id: "u" }, { id: "t" }]);
    expect(views[0]?.serving).toBeNull();
    expect(await stub.tasks()).toMatchObject([
      { id: "t", calls: 4, lastSeenAt: 2_000, stage: { mode: "observe" } },
      { id: "u", calls: 1 },
    ]);
  });

  it("are bounded: of a client that names ever new ones the oldest go, and those that somebody touched stay", async () => {
    const stub = work();
    await stub.observe("default", [call({ task: { name: "kept" }, at: 1 })]);
    await stub.change("kept", { name: "Invoices" });
    const many = Array.from({ length: MAX_TASKS + 5 }, (_, at) =>
      call({ task: { name: `task ${at}` }, at: 10 + at }),
    );
    for (let from = 0; from < many.length; from += 500)
      await stub.observe("default", many.slice(from, from + 500));
    const ids = (await stub.tasks()).map(({ id }) => id);
    expect(ids).toHaveLength(MAX_TASKS);
    expect(ids).toContain("kept");
    expect(ids).toContain(`task ${MAX_TASKS + 4}`);
    expect(ids).not.toContain("task 0");
  }, 30_000);
});

describe("a draw", () => {
  const draws = (stub: ReturnType<typeof work>) =>
    runInDurableObject(stub, (_instance, state) => new TaskStore(state.storage.sql).draws("t"));

  async function inShadow() {
    const stub = work();
    await stub.observe("default", [call()]);
    await stub.change("t", { mode: "shadow" });
    return stub;
  }

  it("counts once, however often a call is told of", async () => {
    const stub = await inShadow();
    const told = call();
    await stub.observe("default", [told, told]);
    await stub.observe("default", [told]);
    expect(await draws(stub)).toMatchObject([{ callId: told.callId, kind: "shadow", outcome: null }]);
    expect(await stub.waiting()).toBe(1);
  });

  it("is made of calls that the certificate is about alone, and of no call that people read", async () => {
    const stub = await inShadow();
    await stub.observe("default", [call({ covered: false }), call({ human: true })]);
    expect(await draws(stub)).toEqual([]);
  });

  it("is an audit where the small model was asked, and no other call of the stage is one", async () => {
    const stub = await inShadow();
    await runInDurableObject(stub, (_instance, state) => {
      const store = new TaskStore(state.storage.sql);
      const task = store.task("t");
      const lottery = { id: "audits", seed: "s", share: 1 };
      if (task !== null) store.put({ ...task, stage: { mode: "canary", share: 0.05 }, lottery });
    });
    const [asked, other] = [call({ askedSlm: true }), call()];
    await stub.observe("default", [other, asked]);
    expect(await draws(stub)).toMatchObject([{ callId: asked.callId, kind: "audit" }]);
  });
});

it("a task whose answers only people read is taken back to being observed", async () => {
  const stub = work();
  await stub.observe("default", [call({ human: true })]);
  await stub.change("t", { mode: "shadow" });
  await stub.change("t", {});
  expect(await stub.tasks()).toMatchObject([{ stage: { mode: "observe" }, lottery: null, human: true }]);
});

it("a task that agents and people share is the agents', whoever called last", async () => {
  const stub = work();
  await stub.observe("default", [call({ human: true }), call()]);
  await stub.change("t", { mode: "shadow" });
  await stub.observe("default", [call({ human: true })]);
  await stub.change("t", {});
  expect(await stub.tasks()).toMatchObject([{ stage: { mode: "shadow" }, human: false }]);
});

describe("people say which calls are one task", () => {
  const ids = async (stub: ReturnType<typeof work>) => (await stub.tasks()).map(({ id }) => id).sort();
  const told = (name: string, more: Partial<ObservedCall> = {}) => call({ task: { name }, ...more });
  const skeleton = Array.from({ length: 16 }, (_, at) => 1_000 + at);
  const recognised = (key: string) => call({ task: { key, group: "g", skeleton } });

  it("what is merged is counted as the other from then on, under all of its names, after an eviction too", async () => {
    const stub = work();
    await stub.observe("default", [told("a", { count: 3 }), told("b", { at: 9_000 }), told("c")]);
    await stub.change("c", { mode: "shadow" });
    expect(await stub.merge("c", "a")).toMatchObject({ id: "a", calls: 4 });
    const history = await runInDurableObject(stub, (_instance, state) =>
      new TaskStore(state.storage.sql).history("c"),
    );
    expect(history).toEqual([]);
    expect(await stub.merge("a", "b")).toMatchObject({ id: "b", calls: 5 });
    await evictDurableObject(stub);
    const views = await stub.observe("default", [told("a"), told("c"), told("b")]);
    expect(views).toMatchObject([{ id: "b" }, { id: "b" }, { id: "b" }]);
    expect(await ids(stub)).toEqual(["b"]);
    expect((await stub.task("b"))?.names.sort()).toEqual(["a", "b", "c"]);
    expect((await stub.taskNames("b"))?.names).toContain("c");
  });

  it("evidence of other calls than the joined task has is none, and both attempts' budget is spent", async () => {
    const stub = work();
    await stub.observe("default", [told("a"), told("b")]);
    await stub.change("b", { mode: "shadow" });
    await stub.observe("default", [told("b"), told("b")]);
    expect((await stub.task("b"))?.draws.length).toBeGreaterThan(0);
    await runInDurableObject(stub, (_instance, state) => {
      const store = new TaskStore(state.storage.sql);
      for (const [id, attempts] of [
        ["a", 2],
        ["b", 1],
      ] as const) {
        const task = store.task(id);
        if (task !== null) store.put({ ...task, attempts });
      }
    });
    const before = (await stub.task("b"))?.task.lottery;
    await stub.merge("a", "b");
    const after = await stub.task("b");
    expect(after).toMatchObject({
      task: { attempts: 3, window: null, certification: null, detector: null, stage: { mode: "shadow" } },
      draws: [],
    });
    expect(after?.task.lottery?.id).not.toBe(before?.id);
    expect(after?.history.at(-1)).toMatchObject({ because: "merged:a" });
  });

  it("a prompt that was recognised as a task's is split off, and joined with nothing by itself any more", async () => {
    const stub = work();
    // New prompts are held against each other from time to time, and not one by one.
    const keys = Array.from({ length: 24 }, (_, at) => `k${at}`);
    for (const key of keys) await stub.observe("default", [recognised(key)]);
    const [first] = (await stub.tasks()).sort((a, b) => b.calls - a.calls);
    const names = (await stub.task(first?.id ?? ""))?.names ?? [];
    expect(names.length).toBeGreaterThan(8);
    const other = names.find((name) => name !== first?.id) ?? "";
    await stub.split(first?.id ?? "", other);
    expect(await stub.observe("default", [recognised(other), recognised(first?.id ?? "")])).toMatchObject([
      { id: other },
      { id: first?.id },
    ]);
    expect((await stub.task(first?.id ?? ""))?.names).not.toContain(other);
    expect((await stub.task(other))?.names).toEqual([other]);
    expect((await stub.task(first?.id ?? ""))?.history.at(-1)).toMatchObject({ because: `split:${other}` });
  });

  it("what was merged is split off again", async () => {
    const stub = work();
    await stub.observe("default", [told("a"), told("b")]);
    await stub.merge("a", "b");
    await stub.split("b", "a");
    expect(await stub.observe("default", [told("a"), told("b")])).toMatchObject([{ id: "a" }, { id: "b" }]);
  });

  it("never what does not go together", async () => {
    const stub = work();
    await stub.observe("default", [told("a"), told("people", { human: true })]);
    expect(await stub.merge("a", "people")).toBe("human");
    expect(await stub.merge("a", "a")).toBe("unknown_target");
    expect(await stub.merge("a", "none")).toBe("unknown_target");
    expect(await stub.merge("none", "a")).toBe("unknown");
    expect(await stub.split("a", "a")).toBe("unknown_name");
    expect(await stub.split("a", "people")).toBe("unknown_name");
    expect(await stub.split("none", "a")).toBe("unknown");
    expect(await ids(stub)).toEqual(["a", "people"]);
  });
});

describe("a recognised task", () => {
  const skeleton = [1, 2, 3, 4, 5, 6, 7, 8];

  /** Calls of one prompt, in the ledger and told of. */
  async function recorded(projectId: string, key: string, asked: string): Promise<void> {
    const calls: ObservedCall[] = [];
    for (let at = 0; at < 6; at++) {
      const callId = await keptCall({
        asked: `${asked} ${at}`,
        answer: "ok",
        start: { projectId, task: key },
      });
      calls.push(call({ callId, task: { key, group: key, skeleton }, count: 1 }));
    }
    await env.WORK.getByName(projectId).observe(projectId, calls);
  }

  it("is named after what its prompts have in common, until people name it; one that was named stays so", async () => {
    const stub = env.WORK.getByName("names");
    await recorded("names", "key-one", "Sort support tickets into teams: ticket");
    await recorded("names", "key-two", "Translate sentences into French: sentence");
    await stub.observe("names", [call({ task: { name: "my-own" }, count: 50 })]);
    expect((await stub.tasks()).map(({ name }) => name).sort()).toEqual(["key-one", "key-two", "my-own"]);
    await runDurableObjectAlarm(stub);
    const named = new Map((await stub.tasks()).map(({ id, name }) => [id, name]));
    expect(named.get("key-one")).toMatch(/tickets/);
    expect(named.get("key-two")).toMatch(/translate/);
    expect(named.get("my-own")).toBe("my-own");
    expect((await stub.task("key-one"))?.task.name).toBe(named.get("key-one"));
    expect(await stub.change("key-one", { name: "Tickets" })).toMatchObject({ name: "Tickets" });
    const kept = await runInDurableObject(stub, (_instance, state) =>
      state.storage.sql.exec("SELECT counts FROM task_names").toArray(),
    );
    expect(JSON.stringify(kept)).not.toMatch(/ticket|translate/);
  });

  it("of which nothing can be read keeps its key for a name", async () => {
    const stub = env.WORK.getByName("nameless");
    const calls = Array.from({ length: 8 }, () =>
      call({ callId: newCallId({ now: Date.now(), env: {} }), task: { key: "k", group: "g", skeleton } }),
    );
    await stub.observe("nameless", calls);
    await runDurableObjectAlarm(stub);
    expect(await stub.tasks()).toMatchObject([{ id: "k", name: "k" }]);
  });
});

describe("what moves a task", () => {
  const terms = { epsilon: 0.05, delta: 0.1, share: 1, judge: null, feedbackThreshold: 0.5 };
  const put = (stub: ReturnType<typeof work>, more: Partial<Task>) =>
    runInDurableObject(stub, (_instance, state) => {
      const store = new TaskStore(state.storage.sql);
      const task = store.task("t");
      if (task !== null) store.put({ ...task, ...more });
    });
  const window: CertificationWindow = {
    id: "w",
    taskId: "t",
    candidate: "m",
    fingerprint: "sf1_m" as CertificationWindow["fingerprint"],
    lottery: { id: "w", seed: "s", share: 1 },
    epsilon: 0.05,
    attempt: 1,
    delta: 0.12,
    thresholds: [1],
    method: { kind: "betting" },
  };

  it("of a window that was opened on other terms: it is closed, with an entry, and nothing fails", async () => {
    const stub = work();
    await stub.observe("default", [call()]);
    await stub.change("t", { mode: "shadow" });
    // What δ = 0.2 gave a first attempt is more than today's 0.1 would.
    await put(stub, { window, terms: { ...terms, delta: 0.2 }, attempts: 1 });
    expect(await stub.change("t", { name: "T" })).toMatchObject({ name: "T", window: null, attempts: 1 });
    expect((await stub.task("t"))?.history.at(-1)).toMatchObject({ because: "policy_changed" });
  });

  it("of a certificate that says less than is asked now: back to its shadow, from wherever it serves", async () => {
    const stub = work();
    await stub.observe("default", [call()]);
    const certification = { windowId: "w", attempt: 1, epsilon: 0.2, delta: 0.06, n: 200, missing: 0 };
    await put(stub, {
      stage: { mode: "promoted", share: 1 },
      terms: { ...terms, epsilon: 0.2 },
      certification: { ...certification, threshold: 1, tests: [] },
      approved: true,
    });
    expect(await stub.change("t", {})).toMatchObject({
      stage: { mode: "shadow" },
      certification: null,
      approved: false,
    });
    expect((await stub.task("t"))?.history.at(-1)).toMatchObject({ because: "policy_changed" });
  });

  it("is no other task's failure", async () => {
    const stub = work();
    await stub.observe("default", [call(), call({ task: { name: "u" } })]);
    await stub.change("t", { mode: "shadow" });
    await stub.change("u", { mode: "shadow" });
    const broken = { ...window, thresholds: null as unknown as number[] };
    await put(stub, { window: broken, terms: { ...terms, share: 0.5 }, attempts: 1 });
    await runInDurableObject(stub, (instance, state) => {
      const store = new TaskStore(state.storage.sql);
      const task = store.task("u");
      if (task !== null) store.put({ ...task, human: true });
      instance.clock = () => Date.now() + 3_600_000;
    });
    expect(await stub.change("t", { name: "T" })).toMatchObject({ name: "T" });
    await runDurableObjectAlarm(stub);
    expect((await stub.tasks()).find(({ id }) => id === "u")).toMatchObject({ stage: { mode: "observe" } });
  });
});
