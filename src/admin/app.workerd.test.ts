import { applyD1Migrations, env } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { downD1 } from "../db/fixtures/down-d1.ts";
import type { Env } from "../env.ts";
import { newCallId } from "../ledger/call-id.ts";
import { finishRecord, startRecord } from "../ledger/fixtures/records.ts";
import { ledgerShard } from "../ledger/shards.ts";
import { storeBody } from "../ledger/store-body.ts";
import { keySnapshot } from "../security/key-snapshot.ts";
import { settingsFor } from "../security/settings-snapshot.ts";
import { adminApp } from "./app.ts";

beforeAll(async () => {
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  await env.DB.prepare("INSERT INTO projects (id, name, created_at) VALUES ('other', 'other', 0)").run();
});

// biome-ignore lint/suspicious/noExplicitAny: a test reads answers field by field
type Json = any;

async function api(
  method: string,
  path: string,
  options: { body?: unknown; key?: string | null; env?: Partial<Env> } = {},
): Promise<{ status: number; json: Json; headers: Headers }> {
  const headers = new Headers();
  const key = options.key === undefined ? "admin-key-for-tests" : options.key;
  if (key !== null) headers.set("authorization", `Bearer ${key}`);
  if (options.body !== undefined) headers.set("content-type", "application/json");
  const body = typeof options.body === "string" ? options.body : JSON.stringify(options.body);
  const request = new Request(`http://gateway${path}`, { method, headers, body });
  const response = await adminApp.fetch(request, { ...env, ...options.env });
  return { status: response.status, json: await response.json(), headers: response.headers };
}

async function passes(key: string): Promise<boolean> {
  const request = new Request("http://gateway/v1/models", { headers: { authorization: `Bearer ${key}` } });
  const options = { request, env, clock: Date.now, waitUntil: () => undefined };
  try {
    await keySnapshot.authenticate(options);
    return true;
  } catch {
    return false;
  }
}

describe("a request as the README writes it", () => {
  it("is taken as JSON although `curl -d` calls it a form", async () => {
    const response = await adminApp.request(
      "/api/nodes/join-tokens",
      {
        method: "POST",
        headers: {
          authorization: "Bearer admin-key-for-tests",
          "content-type": "application/x-www-form-urlencoded",
        },
        body: "{}",
      },
      env,
    );
    expect(response.status).toBe(201);
  });
});

describe("who may use the operator's API", () => {
  it("is whoever has the admin key: no key, a wrong key and an API key are refused on every path", async () => {
    const made = await api("POST", "/api/keys", { body: { name: "intruder" } });
    for (const path of ["/api/keys", "/api/calls", "/api/nodes", "/api/settings", "/api/no-such-thing"]) {
      expect((await api("GET", path, { key: null })).json.error.code).toBe("missing_admin_key");
      for (const key of [
        "wrong",
        "admin-key-for-test",
        "admin-key-for-tests2",
        "api-key-for-tests",
        made.json.key,
      ]) {
        const refused = await api("GET", path, { key });
        expect(refused.status).toBe(401);
        expect(refused.json.error).toMatchObject({ code: "invalid_admin_key", type: "authentication_error" });
      }
    }
  });

  it("is nobody where no admin key is set", async () => {
    for (const key of ["", "undefined", "admin-key-for-tests"]) {
      const refused = await api("GET", "/api/keys", { key, env: { ROUTELET_ADMIN_KEY: undefined } });
      expect(refused.status).toBe(503);
      expect(refused.json.error.code).toBe("admin_key_not_set");
    }
  });
});

describe("API keys", () => {
  it("are shown once, work, and are refused at once after their revocation", async () => {
    const made = await api("POST", "/api/keys", { body: { name: "agent one" } });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({
      object: "api_key",
      project: "default",
      audience: "agent",
      return_requested_model: false,
      revoked_at: null,
    });
    expect(made.json.created_at).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(await passes(made.json.key)).toBe(true);

    const listed = await api("GET", "/api/keys");
    const shown = listed.json.data.find((key: Json) => key.id === made.json.id);
    expect(shown.prefix).toBe(made.json.key.slice(0, 9));
    expect(JSON.stringify(listed.json)).not.toContain(made.json.key);
    expect(JSON.stringify(listed.json)).not.toContain("hash");

    expect((await api("DELETE", `/api/keys/${made.json.id}`)).json).toMatchObject({ deleted: true });
    expect(await passes(made.json.key)).toBe(false);
    expect((await api("DELETE", `/api/keys/${made.json.id}`)).status).toBe(200);
  });

  it("are nowhere in the database", async () => {
    const { json } = await api("POST", "/api/keys", { body: { name: "secret" } });
    const row = await env.DB.prepare("SELECT * FROM api_keys WHERE id = ?").bind(json.id).first();
    expect(JSON.stringify(row)).not.toContain(json.key.slice(9));
  });

  it("of the environment is listed without its text and cannot be deleted here", async () => {
    const { json } = await api("GET", "/api/keys");
    expect(json.data[0]).toMatchObject({ id: "env", name: "ROUTELET_API_KEY", prefix: "" });
    expect(JSON.stringify(json)).not.toContain("api-key-for-tests");
    const refused = await api("DELETE", "/api/keys/env");
    expect(refused.status).toBe(400);
    expect(refused.json.error.code).toBe("key_is_fixed");
  });

  it("are listed page by page, each once, newest first", async () => {
    const made: string[] = [];
    for (let key = 0; key < 7; key++) {
      made.push((await api("POST", "/api/keys", { body: { name: `k${key}`, project: "other" } })).json.id);
    }
    const ids: string[] = [];
    let cursor = "";
    do {
      const { json } = await api("GET", `/api/keys?project=other&limit=3${cursor && `&cursor=${cursor}`}`);
      ids.push(...json.data.map((key: Json) => key.id));
      expect(json.has_more).toBe(json.next_cursor !== null);
      cursor = json.next_cursor ?? "";
    } while (cursor !== "");
    expect(ids).toEqual([...made].sort().reverse());
  });

  it("are asked for with a clear answer to bad input", async () => {
    const cases: [unknown, string, string][] = [
      [{}, "invalid_field", "name"],
      [{ name: "" }, "invalid_field", "name"],
      [{ name: 7 }, "invalid_field", "name"],
      [{ name: "x".repeat(101) }, "invalid_field", "name"],
      [{ name: "x", audience: "robot" }, "invalid_field", "audience"],
      [{ name: "x", projcet: "default" }, "unknown_field", "projcet"],
    ];
    for (const [body, code, param] of cases) {
      const { status, json } = await api("POST", "/api/keys", { body });
      expect(status).toBe(400);
      expect(json.error).toMatchObject({ type: "invalid_request_error", code, param });
      expect(json.error.message).toContain(param);
    }
    expect((await api("POST", "/api/keys", { body: "{not json" })).json.error.code).toBe("invalid_json");
    expect((await api("POST", "/api/keys")).status).toBe(400);
    expect((await api("POST", "/api/keys", { body: { name: "x".repeat(70_000) } })).status).toBe(413);
    const missing = await api("POST", "/api/keys", { body: { name: "x", project: "nope" } });
    expect(missing.status).toBe(404);
    expect(missing.json.error).toMatchObject({ code: "project_not_found", param: "project" });
    expect((await api("DELETE", "/api/keys/key_none")).json.error.code).toBe("key_not_found");
    expect((await api("GET", "/api/keys?cursor=%21%21")).json.error.code).toBe("invalid_cursor");
    expect((await api("GET", "/api/keys?limit=0")).json.error).toMatchObject({ param: "limit" });
  });
});

describe("savings", () => {
  it("are added up by day, however many of its hours had calls", async () => {
    const day = Math.floor(Date.now() / 86_400_000) * 24 - 24;
    const columns =
      "project_id, hour, key_id, task, requested_model, served_by, calls, failed, input_tokens, cached_input_tokens, output_tokens, cost_usd, unpriced, latency_ms";
    for (const hour of [day, day + 1, day + 23, day - 1])
      await env.DB.prepare(
        `INSERT INTO rollups_hourly (${columns}) VALUES ('other', ?, 'k', 't', 'gpt-5-mini', 'llm/openai/gpt-5-mini', 5, 0, 1, 0, 1, 1, 0, 1)`,
      )
        .bind(hour)
        .run();
    const { json } = await api("GET", "/api/savings?project=other");
    expect(json.data.map(({ calls }: Json) => calls)).toEqual([15, 5]);
  });
});

describe("tasks that people merge and split", () => {
  const observed = async (names: string[]): Promise<void> => {
    const call = { splitKey: "s", at: 1, count: 1, human: false, covered: true, askedSlm: false } as const;
    const calls = names.map((name) => ({ ...call, callId: startRecord().id, task: { name } }));
    await env.WORK.getByName("other").observe("other", calls);
  };
  const patch = (id: string, body: object) => api("PATCH", `/api/tasks/${id}?project=other`, { body });

  it("answer with the task that there is then, and it is recorded", async () => {
    await observed(["invoices", "bills"]);
    const merged = await patch("bills", { merge_into: "invoices" });
    expect(merged).toMatchObject({ status: 200, json: { id: "invoices", calls: 2 } });
    const { json } = await api("GET", "/api/tasks/invoices?project=other");
    expect(json.names).toEqual(["invoices", "bills"]);
    expect(json.history.at(-1).because).toBe("merged:bills");
    expect((await api("GET", "/api/tasks/bills?project=other")).status).toBe(404);
    const split = await patch("invoices", { split_off: "bills" });
    expect(split).toMatchObject({ status: 200, json: { id: "invoices" } });
    expect((await api("GET", "/api/tasks/bills?project=other")).json.names).toEqual(["bills"]);
    const { results } = await env.DB.prepare(
      "SELECT target FROM audit_log WHERE action = 'task.change' AND project_id = 'other' ORDER BY id",
    ).all<{ target: string }>();
    expect(results.map(({ target }) => target)).toEqual(["bills", "invoices"]);
  });

  it.each<[string, object, number, string, string | null]>([
    ["with itself", { merge_into: "one" }, 404, "task_not_found", "merge_into"],
    ["with one that there is not", { merge_into: "none" }, 404, "task_not_found", "merge_into"],
    ["of a name that is not its", { split_off: "two" }, 404, "name_not_found", "split_off"],
    ["both at once", { merge_into: "two", split_off: "two" }, 400, "invalid_field", null],
    ["beside something else", { merge_into: "two", name: "x" }, 400, "invalid_field", null],
  ])("are not, %s", async (_what, body, status, code, param) => {
    await observed(["one", "two"]);
    expect(await patch("one", body)).toMatchObject({ status, json: { error: { code, param } } });
    expect((await api("GET", "/api/tasks/one?project=other")).status).toBe(200);
  });
});

describe("calls", () => {
  async function record(session: string, count: number): Promise<string[]> {
    const ids: string[] = [];
    for (let call = 0; call < count; call++) {
      const start = startRecord({ session });
      await ledgerShard(env, 0).start(start);
      await ledgerShard(env, 0).finish([{ finish: finishRecord(start), start: null }]);
      ids.push(start.id);
    }
    return ids;
  }

  it("are listed the moment they are recorded, page by page, with D1 and without", async () => {
    const ids = await record("paging", 4);
    await ledgerShard(env, 0).flush();
    ids.push(...(await record("paging", 3)));
    const seen: string[] = [];
    let cursor = "";
    do {
      const { json } = await api("GET", `/api/calls?session=paging&limit=2${cursor && `&cursor=${cursor}`}`);
      expect(json.complete).toBe(true);
      seen.push(...json.data.map((call: Json) => call.id));
      cursor = json.next_cursor ?? "";
    } while (cursor !== "");
    expect(seen).toEqual([...ids].sort().reverse());

    const { status, json } = await api("GET", "/api/calls?session=paging", { env: { DB: downD1() } });
    expect(status).toBe(200);
    expect(json.complete).toBe(false);
    expect(json.data.map((call: Json) => call.id)).toEqual(ids.slice(4).sort().reverse());
  });

  it("are shown with their attempts; content only when asked for, and that is recorded", async () => {
    const start = startRecord({ session: "detail" });
    const text = '{"messages":[{"role":"user","content":"canary-91"}]}';
    const bytes = new TextEncoder().encode(text);
    const place = { env, callId: start.id, projectId: "default", part: "request" as const };
    const body = await storeBody({ ...place, bytes, originalBytes: bytes.length });
    await ledgerShard(env, 0).start(start);
    await ledgerShard(env, 0).finish([{ finish: finishRecord(start, { bodies: [body] }), start: null }]);

    for (const place of ["buffer", "d1"]) {
      const { json } = await api("GET", `/api/calls/${start.id}`);
      expect(json, place).toMatchObject({
        object: "call",
        outcome: "done",
        served_by: "slm/smollm2",
        cost_usd: null,
      });
      expect(json.usage).toEqual({ input_tokens: 12, cached_input_tokens: 0, output_tokens: 7 });
      expect(json.attempts).toEqual([expect.objectContaining({ seq: 1, kind: "node", backend: "node_1" })]);
      expect(JSON.stringify(json)).not.toContain("canary");
      const opened = await api("GET", `/api/calls/${start.id}?include=bodies`);
      expect(opened.json.content).toEqual([
        { part: "request", text, error: null, original_bytes: bytes.length, truncated: false },
      ]);
      await ledgerShard(env, 0).flush();
    }
    const audit = await env.DB.prepare(
      "SELECT count(*) AS n FROM audit_log WHERE action = 'content.open' AND target = ?",
    )
      .bind(start.id)
      .first("n");
    expect(audit).toBe(2);
    const rotated = await api("GET", `/api/calls/${start.id}?include=bodies`, {
      env: { ROUTELET_SECRET: "a-new-secret-a-new-secret-a-new-secret" },
    });
    expect(rotated.json.content[0]).toMatchObject({ text: null, error: "unknown_secret" });
  });

  it("of one project are not in another's list", async () => {
    const start = startRecord({ projectId: "other", session: "theirs" });
    await ledgerShard(env, 0).start(start);
    expect((await api("GET", "/api/calls?session=theirs")).json.data).toEqual([]);
    const { json } = await api("GET", "/api/calls?session=theirs&project=other");
    expect(json.data).toEqual([expect.objectContaining({ id: start.id, outcome: "running" })]);
  });

  it("are asked for with a clear answer to bad input", async () => {
    for (const [query, param] of [
      ["limit=201", "limit"],
      ["limit=x", "limit"],
      ["outcome=fine", "outcome"],
      ["status=9", "status"],
      ["since=yesterday", "since"],
    ]) {
      const { status, json } = await api("GET", `/api/calls?${query}`);
      expect(status).toBe(400);
      expect(json.error.param).toBe(param);
    }
    expect((await api("GET", "/api/calls?cursor=a_b")).json.error).toMatchObject({ code: "invalid_cursor" });
    expect((await api("GET", "/api/calls/call_nope")).json.error.code).toBe("call_not_found");
    const unknown = newCallId({ now: 1, env });
    expect((await api("GET", `/api/calls/${unknown}`)).status).toBe(404);
    expect((await api("GET", `/api/calls/${unknown}?include=all`)).json.error.param).toBe("include");
  });
});

describe("nodes", () => {
  it("are joined by a token that the Fleet object makes for existing projects", async () => {
    const made = await api("POST", "/api/nodes/join-tokens", { body: { ttl_seconds: 600 } });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({ object: "join_token", projects: ["default"] });
    expect(Date.parse(made.json.expires_at)).toBeGreaterThan(Date.now() + 500_000);
    expect(made.json.token.length).toBeGreaterThan(20);
    const wrong = await api("POST", "/api/nodes/join-tokens", { body: { projects: ["nope"] } });
    expect(wrong.json.error).toMatchObject({ code: "project_not_found", param: "projects" });
    const bad = await api("POST", "/api/nodes/join-tokens", { body: { ttl_seconds: 5 } });
    expect(bad.json.error.param).toBe("ttl_seconds");
    expect((await api("GET", "/api/nodes")).json).toEqual({ object: "list", data: [] });
    expect((await api("DELETE", "/api/nodes/node_nope")).json.error.code).toBe("node_not_found");
  });
});

describe("settings", () => {
  it("are read and replaced in snake case, in force at once", async () => {
    const before = await api("GET", "/api/settings?project=other");
    expect(before.json).toMatchObject({
      default_model: "gpt-5-mini",
      deadlines: { auto_node_first_byte_ms: 8_000 },
    });
    const ask = () => settingsFor({ env, projectId: "other", clock: Date.now, waitUntil: () => undefined });
    expect((await ask()).content.store).toBe("encrypted");
    const body = { default_model: "gpt-5", content: { store: "off" }, ledger: { record: false } };
    const after = await api("PUT", "/api/settings?project=other", { body });
    expect(after.status).toBe(200);
    expect(after.json).toMatchObject({
      default_model: "gpt-5",
      content: { store: "off", max_bytes: 262_144 },
      ledger: { record: false },
    });
    expect((await ask()).content.store).toBe("off");
    expect((await api("GET", "/api/settings?project=other")).json).toEqual(after.json);
    expect((await api("GET", "/api/settings")).json.default_model).toBe("gpt-5-mini");
  });

  it("are refused with the field's name", async () => {
    for (const [body, code, param] of [
      [{ deadlines: { total_ms: 1 } }, "invalid_field", "deadlines.total_ms"],
      [{ deadlines: { totalMs: 5_000 } }, "unknown_field", "deadlines.totalMs"],
      [{ content: { store: "plain" } }, "invalid_field", "content.store"],
    ] as const) {
      const { status, json } = await api("PUT", "/api/settings", { body });
      expect(status).toBe(400);
      expect(json.error).toMatchObject({ code, param });
    }
    expect((await api("PUT", "/api/settings?project=nope", { body: {} })).json.error.code).toBe(
      "project_not_found",
    );
  });
});

describe("health and description", () => {
  it("are open and tell no secret", async () => {
    const health = await api("GET", "/health", { key: null });
    expect(health.status).toBe(200);
    expect(health.json).toEqual({
      ok: true,
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      problem: null,
    });
    const unset = await api("GET", "/health", { key: null, env: { ROUTELET_SECRET: "short-secret" } });
    expect(unset.status).toBe(503);
    expect(unset.json.problem).toContain("ROUTELET_SECRET needs");
    expect(JSON.stringify(unset.json)).not.toContain("short-secret");
  });

  it("describe every endpoint in OpenAPI 3.1, with references that exist", async () => {
    const { json } = await api("GET", "/openapi.json", { key: null });
    expect(json.openapi).toBe("3.1.0");
    const operations = Object.entries<Json>(json.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(operations.sort()).toEqual([
      "DELETE /api/datasets/{id}",
      "DELETE /api/keys/{id}",
      "DELETE /api/nodes/{id}",
      "DELETE /v1/responses/{id}",
      "DELETE /v1/{family}",
      "GET /api/calls",
      "GET /api/calls/{id}",
      "GET /api/datasets",
      "GET /api/datasets/{id}",
      "GET /api/datasets/{id}/export",
      "GET /api/jobs",
      "GET /api/jobs/{id}",
      "GET /api/keys",
      "GET /api/nodes",
      "GET /api/savings",
      "GET /api/settings",
      "GET /api/tasks",
      "GET /api/tasks/{id}",
      "GET /health",
      "GET /v1/models",
      "GET /v1/models/{id}",
      "GET /v1/responses/{id}",
      "GET /v1/responses/{id}/input_items",
      "GET /v1/{family}",
      "PATCH /api/tasks/{id}",
      "POST /api/datasets",
      "POST /api/datasets/import",
      "POST /api/jobs",
      "POST /api/jobs/{id}/cancel",
      "POST /api/keys",
      "POST /api/nodes/join-tokens",
      "POST /v1/chat/completions",
      "POST /v1/completions",
      "POST /v1/embeddings",
      "POST /v1/feedback",
      "POST /v1/messages",
      "POST /v1/messages/count_tokens",
      "POST /v1/responses",
      "POST /v1/responses/compact",
      "POST /v1/responses/input_tokens",
      "POST /v1/responses/{id}/cancel",
      "POST /v1/{family}",
      "PUT /api/settings",
    ]);
    const text = JSON.stringify(json);
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      expect(json.components.schemas).toHaveProperty([name ?? ""]);
    }
    for (const [path, methods] of Object.entries<Json>(json.paths)) {
      for (const operation of Object.values<Json>(methods)) {
        if (path !== "/health") expect(operation.security?.length).toBeGreaterThan(0);
        for (const scheme of operation.security ?? []) {
          expect(json.components.securitySchemes).toHaveProperty([Object.keys(scheme)[0] ?? ""]);
        }
        for (const [, name] of path.matchAll(/\{(\w+)\}/g)) {
          expect(operation.parameters).toContainEqual(
            expect.objectContaining({ in: "path", name, required: true }),
          );
        }
        expect(Object.keys(operation.responses).length).toBeGreaterThan(0);
      }
    }
  });

  it("says of every setting what it is", async () => {
    const { json } = await api("GET", "/openapi.json", { key: null });
    const undescribed = (schema: Json, path: string): string[] => [
      ...Object.entries<Json>(schema.properties ?? {}).flatMap(([name, field]) => [
        ...(field.description === undefined ? [`${path}.${name}`] : []),
        ...undescribed(field, `${path}.${name}`),
      ]),
      ...(schema.items === undefined ? [] : undescribed(schema.items, `${path}[]`)),
    ];
    const { Settings, SettingsInput } = json.components.schemas;
    expect(Object.keys(Settings.properties).length).toBeGreaterThan(10);
    expect([...undescribed(Settings, "Settings"), ...undescribed(SettingsInput, "SettingsInput")]).toEqual(
      [],
    );
  });
});

describe("when D1 is down", () => {
  it("says so without the statement or its values", async () => {
    const { status, json, headers } = await api("GET", "/api/keys?project=canary-5", {
      env: { DB: downD1() },
    });
    expect(status).toBe(503);
    expect(json.error).toMatchObject({ code: "database_unavailable", type: "api_error" });
    expect(headers.get("retry-after")).toBe("2");
    expect(JSON.stringify(json)).not.toMatch(/select|canary/i);
  });
});
