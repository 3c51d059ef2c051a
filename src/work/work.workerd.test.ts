import { applyD1Migrations, env, runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { newCallId } from "../ledger/call-id.ts";
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
  answeredBy: "reference",
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

  it("is made of no call that the reference did not answer", async () => {
    const stub = await inShadow();
    await stub.observe("default", [call({ answeredBy: "other" }), call({ answeredBy: "slm" })]);
    expect(await draws(stub)).toEqual([]);
  });
});

it("a task whose answers people read is taken back to being observed", async () => {
  const stub = work();
  await stub.observe("default", [call()]);
  await stub.change("t", { mode: "shadow" });
  await stub.observe("default", [call({ human: true })]);
  await stub.change("t", {});
  expect(await stub.tasks()).toMatchObject([{ stage: { mode: "observe" }, lottery: null, human: true }]);
});
