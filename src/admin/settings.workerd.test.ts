import { applyD1Migrations, env } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { keysFor } from "../backends/provider-keys.ts";
import { providerNamed } from "../backends/providers/registry.ts";
import type { Env } from "../env.ts";
import { settingsFor } from "../security/settings-snapshot.ts";
import { adminApp } from "./app.ts";

beforeAll(() => applyD1Migrations(env.DB, env.TEST_MIGRATIONS));

// biome-ignore lint/suspicious/noExplicitAny: a test reads answers field by field
type Json = any;

async function settings(body?: object, more: Partial<Env> = {}): Promise<{ status: number; json: Json }> {
  const response = await adminApp.request(
    "/api/settings",
    {
      method: body === undefined ? "GET" : "PUT",
      headers: { authorization: "Bearer admin-key-for-tests", "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    },
    { ...env, ...more },
  );
  return { status: response.status, json: await response.json() };
}

/** The keys that calls would go out with now. */
async function keysInUse(name: string, more: Partial<Env> = {}): Promise<(string | undefined)[]> {
  const { providers } = await settingsFor({
    env,
    projectId: "default",
    clock: Date.now,
    waitUntil: () => undefined,
  });
  const provider = providerNamed(name, providers);
  if (provider === undefined) return [];
  const keys = await keysFor({
    env: { ...env, ...more },
    projectId: "default",
    provider,
    conversation: "c",
    random: Math.random,
    now: Date.now(),
  });
  return keys.map(({ value }) => value).sort();
}

const OWN = { name: "own", base_url: "https://llm.example.com/v1" };

describe("providers in the settings", () => {
  it("are set with keys that are in use at once, encrypted at rest, and never shown", async () => {
    const put = await settings({
      providers: [{ ...OWN, keys: [{ key: "sk-one" }, { name: "second", weight: 2, key: "sk-two" }] }],
    });
    expect(put.json.providers).toMatchObject([
      {
        ...OWN,
        speaks: null,
        developer_role: true,
        keys: [
          { name: "default", weight: 1, has_key: true },
          { name: "second", weight: 2, has_key: true },
        ],
      },
    ]);
    expect(await keysInUse("own")).toEqual(["sk-one", "sk-two"]);
    expect((await settings()).json).toEqual(put.json);
    const row = await env.DB.prepare("SELECT value FROM settings WHERE project_id = 'default'").first(
      "value",
    );
    for (const text of [JSON.stringify(put.json), String(row)]) expect(text).not.toMatch(/sk-one|sk-two/);
    expect(JSON.stringify(put.json)).not.toContain("sealed");
  });

  it("keep their keys when what GET says is put back", async () => {
    await settings({ providers: [{ ...OWN, keys: [{ key: "sk-kept" }] }] });
    const { json } = await settings();
    expect((await settings({ ...json, default_model: "own/x" })).status).toBe(200);
    expect(await keysInUse("own")).toEqual(["sk-kept"]);
  });

  it("keep their keys through a rotation of the secret, once the settings were put back", async () => {
    await settings({ providers: [{ ...OWN, keys: [{ key: "sk-rotated" }] }] });
    const next = "rotated-secret-rotated-secret-0002";
    const rotated = { ROUTELET_SECRET: next, ROUTELET_SECRET_PREVIOUS: env.ROUTELET_SECRET };
    const { json } = await settings();
    await settings(json, rotated);
    expect(await keysInUse("own", { ROUTELET_SECRET: next })).toEqual(["sk-rotated"]);
  });

  it.each([
    ["another URL", { base_url: "https://elsewhere.example.com/v1" }],
    ["another path", { base_url: "https://llm.example.com/v2" }],
  ])("threat: whoever changes the URL to %s does not get the keys sent there", async (_name, change) => {
    await settings({ providers: [{ ...OWN, keys: [{ key: "sk-old" }] }] });
    const { json } = await settings({ providers: [{ ...OWN, ...change, keys: [{ name: "default" }] }] });
    expect(json.providers[0].keys).toEqual([{ name: "default", weight: 1, has_key: false }]);
    expect(await keysInUse("own")).toEqual([undefined]);
    const back = await settings({ providers: [{ ...OWN, keys: [{ name: "default" }] }] });
    expect(back.json.providers[0].keys[0].has_key).toBe(false);
  });

  it("threat: nobody writes ciphertext of their own", async () => {
    const sealed = { key_id: "a", iv: "b", ciphertext: "c" };
    const { status, json } = await settings({ providers: [{ ...OWN, keys: [{ sealed }] }] });
    expect(status).toBe(400);
    expect(json.error).toMatchObject({ code: "unknown_field", param: "providers[0].keys[0].sealed" });
  });

  it.each([
    [[{ ...OWN, base_url: "https://127.0.0.1/v1" }], "providers[0].base_url"],
    [[{ name: "openai", base_url: "http://api.openai.com/v1" }], "providers[0].base_url"],
    [[{ name: "nobody-knows-it" }], "providers[0].base_url"],
    [[OWN, OWN], "providers[1].name"],
    [[{ ...OWN, keys: [{ key: "a" }, { key: "b" }] }], "providers[0].keys[1].name"],
    [[{ ...OWN, keys: [{ key: "with space" }] }], "providers[0].keys[0].key"],
    [[{ ...OWN, headers: [{ name: "authorization", value: "x" }] }], "providers[0].headers[0].name"],
  ])("are refused by the field's path: %j", async (providers, param) => {
    const { status, json } = await settings({ providers });
    expect(status).toBe(400);
    expect(json.error.param).toBe(param);
    expect(json.error.message).not.toContain("with space");
  });

  it("may be on the own machine where the gateway is", async () => {
    const providers = [{ name: "ollama", base_url: "http://127.0.0.1:11434/v1" }];
    expect((await settings({ providers })).status).toBe(400);
    expect((await settings({ providers }, { ROUTELET_LOCAL: "1" })).status).toBe(200);
  });

  it("take the place of the environment's key, at the provider's own URL", async () => {
    await settings({ providers: [{ name: "groq", keys: [{ key: "gsk-set" }] }] });
    expect(await keysInUse("groq")).toEqual(["gsk-set"]);
  });
});

describe("other settings of calls", () => {
  it("are written as they are read", async () => {
    const body = {
      models: [
        { name: "fast", targets: [{ model: "groq/x" }], policy: { retries: { max_retry_after_ms: 1 } } },
      ],
      keys: [{ id: "env", policy: { deadlines: { first_byte_ms: 5_000 } } }],
      prices: [{ model: "own/a", from: "2026-01-01", input_per_million: 1, output_per_million: 2 }],
      cors: { origins: ["https://app.example.com"] },
      pass_provider_key: true,
    };
    const { status, json } = await settings(body);
    expect(status).toBe(200);
    expect(json).toMatchObject(body);
    expect((await settings(json)).json).toEqual(json);
  });
});
