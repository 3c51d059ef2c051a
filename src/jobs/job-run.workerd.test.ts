import { applyD1Migrations, env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeAll, expect, it } from "vitest";
import { beginJob, cancelJob, type EvaluationSpec, newJobId, readJob } from "./job-store.ts";

const SPEC: EvaluationSpec = {
  datasetId: "ds_none",
  limit: 10,
  candidate: { model: "small", weights: null, fingerprint: "f" },
  inContext: null,
};

beforeAll(() => applyD1Migrations(env.DB, env.TEST_MIGRATIONS));

async function begun() {
  const id = newJobId(Date.now());
  const common = { id, projectId: "default", spec: SPEC, total: 3, events: [] };
  await beginJob({ ...common, db: env.DB, now: Date.now() });
  const stub = env.JOB_RUN.getByName(id);
  await stub.submit(common);
  return { id, stub, row: () => readJob({ db: env.DB, projectId: "default", id }) };
}

it("waits for a node a day long, says so once, and gives up", async () => {
  const { stub, row } = await begun();
  for (let look = 0; look < 3; look++) await runDurableObjectAlarm(stub);
  const waiting = await row();
  expect(waiting).toMatchObject({ state: "queued", startedAt: null });
  expect(JSON.parse(waiting?.events ?? "")).toEqual([
    expect.objectContaining({ message: expect.stringContaining("No node serves small") }),
  ]);
  await runInDurableObject(stub, (run) => {
    run.clock = () => Date.now() + 25 * 3_600_000;
  });
  await runDurableObjectAlarm(stub);
  expect(await row()).toMatchObject({ state: "failed" });
  expect(await runDurableObjectAlarm(stub)).toBe(false);
});

it("writes nothing once it was cancelled", async () => {
  const { id, stub, row } = await begun();
  await cancelJob({ db: env.DB, projectId: "default", id, now: 5 });
  await runDurableObjectAlarm(stub);
  expect(await row()).toMatchObject({ state: "cancelled", endedAt: 5, events: "[]" });
  expect(await cancelJob({ db: env.DB, projectId: "default", id, now: 6 })).toBe(false);
});

it("is another project's to nobody", async () => {
  const { id } = await begun();
  expect(await readJob({ db: env.DB, projectId: "other", id })).toBeNull();
  expect(await cancelJob({ db: env.DB, projectId: "other", id, now: 6 })).toBe(false);
});
