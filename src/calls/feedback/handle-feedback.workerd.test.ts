import { applyD1Migrations, createExecutionContext, env } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { adminApp } from "../../admin/app.ts";
import { downD1 } from "../../db/fixtures/down-d1.ts";
import type { Env } from "../../env.ts";
import { shardOf } from "../../ledger/call-id.ts";
import { finishRecord, startRecord } from "../../ledger/fixtures/records.ts";
import type { CallStart } from "../../ledger/records.ts";
import { ledgerShard } from "../../ledger/shards.ts";
import { writeSettings } from "../../security/settings-snapshot.ts";
import { DEFAULT_SETTINGS, settingsSchema } from "../../settings.ts";
import { handleFeedback } from "./handle-feedback.ts";

beforeAll(() => applyD1Migrations(env.DB, env.TEST_MIGRATIONS));

// biome-ignore lint/suspicious/noExplicitAny: a test reads answers field by field
type Json = any;

async function send(body: unknown, more: Partial<Env> = {}, key = "api-key-for-tests") {
  const request = new Request("http://gateway/v1/feedback", {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });
  const response = await handleFeedback(request, { ...env, ...more }, createExecutionContext());
  return { status: response.status, json: (await response.json()) as Json };
}

async function shown(id: string, query = ""): Promise<Json> {
  const response = await adminApp.request(
    `/api/calls/${id}${query}`,
    { headers: { authorization: "Bearer admin-key-for-tests" } },
    env,
  );
  return response.json();
}

async function recorded(overrides: Partial<CallStart> = {}): Promise<string> {
  const start = startRecord(overrides);
  const shard = ledgerShard(env, shardOf(start.id) ?? 0);
  await shard.start(start);
  await shard.finish([{ finish: finishRecord(start), start: null }]);
  return start.id;
}

describe("feedback about a call", () => {
  it("is kept at once, before the call is in D1, and shown with it", async () => {
    const id = await recorded();
    const sent = await send({ call_id: id, thumbs: "down", corrected: "Berlin", comment: "a city" });
    expect(sent).toEqual({
      status: 200,
      json: { object: "feedback", call_id: id, score: 0, replaced: false },
    });
    expect((await shown(id)).feedback).toEqual([
      { call_id: id, key_id: "env", at: expect.any(String), score: 0 },
    ]);
    const opened = await shown(id, "?include=bodies");
    expect(opened.feedback[0]).toMatchObject({ corrected: "Berlin", comment: "a city" });
  });

  it("threat: a private value in it must not be kept where the project redacts content", async () => {
    const id = await recorded();
    const redacting = settingsSchema.parse({ content: { redact: true } });
    await writeSettings({ db: env.DB, projectId: "default", value: redacting, now: Date.now() });
    const sent = await send({ call_id: id, corrected: "mail jane@gmail.com", comment: "jane@gmail.com" });
    await writeSettings({ db: env.DB, projectId: "default", value: DEFAULT_SETTINGS, now: Date.now() });
    expect(sent.status).toBe(200);
    const { comment, corrected } = (await shown(id, "?include=bodies")).feedback[0];
    expect(comment).toMatch(/^user\..*@example\.com$/);
    expect(corrected).toBe(`mail ${comment}`);
  });

  it("sent twice counts once, and the newest counts", async () => {
    const id = await recorded();
    await send({ call_id: id, thumbs: "down", corrected: "Berlin" });
    expect((await send({ call_id: id, thumbs: "up" })).json).toMatchObject({ score: 1, replaced: true });
    const { feedback } = await shown(id, "?include=bodies");
    expect(feedback).toHaveLength(1);
    expect(feedback[0]).not.toHaveProperty("corrected");
  });

  it("is stored without its words in the clear", async () => {
    const id = await recorded();
    await send({ call_id: id, corrected: "canary-7731" });
    const { results } = await env.DB.prepare("SELECT * FROM feedback WHERE target = ?").bind(id).all();
    expect(results).toHaveLength(1);
    const text = JSON.stringify(results, (_key, value) =>
      Array.isArray(value) && typeof value[0] === "number" ? String.fromCharCode(...value) : value,
    );
    expect(text).not.toContain("canary");
  });
});

describe("feedback about a run", () => {
  it("is shown with every call that carried its name", async () => {
    const session = `run-${crypto.randomUUID()}`;
    const ids = await Promise.all([recorded({ session }), recorded({ session }), recorded()]);
    expect((await send({ run_id: session, score: 0.5 })).json).toMatchObject({ run_id: session });
    const lists = await Promise.all(ids.map(async (id) => (await shown(id)).feedback.length));
    expect(lists).toEqual([1, 1, 0]);
  });

  it("that no call belongs to is refused", async () => {
    const refused = await send({ run_id: "no-such-run", score: 1 });
    expect(refused.status).toBe(404);
    expect(refused.json.error.code).toBe("run_not_found");
  });
});

describe("feedback that cannot be taken", () => {
  it("about an unknown call, and about another project's, looks the same", async () => {
    const foreign = await recorded({ projectId: "other" });
    for (const id of ["call_unknown", startRecord().id, foreign]) {
      const refused = await send({ call_id: id, score: 1 });
      expect(refused.status).toBe(404);
      expect(refused.json.error).toMatchObject({ code: "call_not_found", param: "call_id" });
    }
  });

  it("without a key is refused", async () => {
    expect((await send({ call_id: "call_1", score: 1 }, {}, "wrong")).status).toBe(401);
  });

  it("with words about a `local-only` call is refused, and a score is taken", async () => {
    const id = await recorded({ route: "local-only" });
    expect((await send({ call_id: id, corrected: "secret" })).json.error.code).toBe("content_off");
    expect((await send({ call_id: id, score: 1 })).status).toBe(200);
  });

  it("while D1 is down says that nothing was kept", async () => {
    const id = await recorded();
    const refused = await send({ call_id: id, score: 1 }, { DB: downD1() });
    expect(refused.status).toBe(503);
    expect(refused.json.error).toMatchObject({ code: "feedback_unavailable" });
    expect((await shown(id)).feedback).toEqual([]);
  });
});
