import { applyD1Migrations, env } from "cloudflare:test";
import { beforeAll, expect, it } from "vitest";
import { readCall } from "../ledger/read-call.ts";
import { settingsSchema } from "../settings.ts";
import { openCallRecord } from "./call-record.ts";

beforeAll(async () => {
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
});

/** One call from its start to its end, with these settings of its project. */
async function recorded(settings: object, localOnly = false) {
  const behind: Promise<unknown>[] = [];
  const record = openCallRecord({
    env,
    caller: { keyId: "key_1", projectId: "default", returnRequestedModel: false, audience: "agent" },
    settings: settingsSchema.parse(settings),
    traceId: null,
    startedAt: Date.now(),
    waitUntil: (work) => behind.push(work),
  });
  if (localOnly) record.keepNoContent();
  record.start({
    endpoint: "/v1/chat/completions",
    requestedModel: "auto",
    route: null,
    task: null,
    session: null,
    stream: false,
  });
  await record.durable();
  const begun = await readCall({ env, id: record.id, withBodies: false });
  record.copyResponse(new TextEncoder().encode("reply"));
  await record.finish({
    endedAt: Date.now(),
    outcome: "done",
    status: 200,
    reason: "cloud-requested",
    servedBy: "llm/openai/gpt-x",
    error: null,
    attempts: [],
    request: new TextEncoder().encode("request"),
  });
  await Promise.all(behind);
  return { begun, ended: await readCall({ env, id: record.id, withBodies: true }) };
}

it("writes a call's start, its end and its content", async () => {
  const { begun, ended } = await recorded({});
  expect(begun?.call.outcome).toBeNull();
  expect(ended?.call.outcome).toBe("done");
  expect(ended?.bodies.map(({ part }) => part)).toEqual(["request", "response"]);
});

it("writes no content where the project keeps none", async () => {
  const { ended } = await recorded({ content: { store: "off" } });
  expect(ended).toMatchObject({ call: { outcome: "done" }, bodies: [] });
});

it("threat: the content of a `local-only` call must not be stored, whatever the settings say", async () => {
  const { ended } = await recorded({}, true);
  expect(ended).toMatchObject({ call: { outcome: "done" }, bodies: [] });
});

it("leaves no trace of a call where the project has switched the ledger off", async () => {
  expect(await recorded({ ledger: { record: false } })).toEqual({ begun: null, ended: null });
});
