import { applyD1Migrations, env as testEnv } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import { createKey, revokeKey } from "./api-key-store.ts";
import { createApiKey } from "./api-keys.ts";
import { secretsOf } from "./derive.ts";
import { KEY_TIMES, KeySnapshot } from "./key-snapshot.ts";

beforeAll(async () => {
  await applyD1Migrations(testEnv.DB, testEnv.TEST_MIGRATIONS);
});

/** One isolate with its own snapshot, a clock that the test moves and a D1 that counts and can fail. */
function isolate(overrides: Partial<Env> = {}) {
  const state = { now: 1_000_000, queries: 0, down: false, behind: [] as Promise<unknown>[] };
  const db = new Proxy(testEnv.DB, {
    get(target, property) {
      if (property !== "prepare") return Reflect.get(target, property).bind(target);
      return (sql: string) => {
        state.queries += 1;
        if (state.down) throw new Error("D1_ERROR: down");
        return target.prepare(sql);
      };
    },
  });
  const env: Env = { ...testEnv, DB: db, ...overrides };
  const snapshot = new KeySnapshot();
  const ask = (headers: Record<string, string>) =>
    snapshot.authenticate({
      request: new Request("http://gateway/v1/models", { headers }),
      env,
      clock: () => state.now,
      waitUntil: (promise) => state.behind.push(promise),
    });
  const bearer = (key: string) => ask({ authorization: `Bearer ${key}` });
  const settle = async () => {
    await Promise.all(state.behind.splice(0));
  };
  return { state, snapshot, ask, bearer, settle };
}

function makeKey(overrides: Partial<Parameters<typeof createKey>[0]> = {}) {
  return createKey({
    db: testEnv.DB,
    secrets: secretsOf(testEnv),
    projectId: "default",
    name: "test",
    returnRequestedModel: false,
    audience: "agent",
    now: Date.now(),
    ...overrides,
  });
}

async function code(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof RouteletError) return error.code;
    throw error;
  }
  return "passed";
}

describe("who calls", () => {
  it("is found by Bearer or x-api-key, with the key's own settings", async () => {
    const { key, row } = await makeKey({ returnRequestedModel: true, audience: "human" });
    const { ask, bearer } = isolate();
    const caller = { keyId: row.id, projectId: "default", returnRequestedModel: true, audience: "human" };
    expect(await bearer(key)).toEqual(caller);
    expect(await ask({ "x-api-key": key })).toEqual(caller);
    expect(await ask({ authorization: `bearer  ${key} ` })).toEqual(caller);
  });

  it("is the key of the environment without any query", async () => {
    const { state, bearer } = isolate();
    expect(await bearer("api-key-for-tests")).toMatchObject({ keyId: "env", projectId: "default" });
    expect(state.queries).toBe(0);
  });

  it("is nobody without a key, with a typo, an unknown key or another scheme", async () => {
    const { key } = await makeKey();
    const { state, ask, bearer } = isolate();
    expect(await code(ask({}))).toBe("missing_api_key");
    expect(await code(ask({ authorization: `Basic ${key}` }))).toBe("missing_api_key");
    expect(await code(bearer(`${key}x`))).toBe("invalid_api_key");
    expect(await code(bearer(key.replace(/.$/, (last) => (last === "a" ? "b" : "a"))))).toBe(
      "invalid_api_key",
    );
    expect(await code(bearer("api-key-for-test"))).toBe("invalid_api_key");
    expect(state.queries).toBe(0);
    expect(await code(bearer(createApiKey().key))).toBe("invalid_api_key");
    expect(state.queries).toBe(1);
  });

  it("cannot be the environment's key where none is set: an empty key opens nothing", async () => {
    const { ask } = isolate({ ROUTELET_API_KEY: "" });
    expect(await code(ask({ authorization: "Bearer " }))).toBe("missing_api_key");
    expect(await code(ask({ "x-api-key": " " }))).toBe("missing_api_key");
  });
});

describe("a warm isolate", () => {
  it("asks D1 nothing before the first byte; an older entry is read again behind the response", async () => {
    const { key } = await makeKey();
    const { state, bearer, settle } = isolate();
    await bearer(key);
    expect(state.queries).toBe(1);
    for (let call = 0; call < 20; call++) await bearer(key);
    expect(state.queries).toBe(1);
    expect(state.behind).toHaveLength(0);

    state.now += KEY_TIMES.freshMs + 1;
    await Promise.all([bearer(key), bearer(key), bearer(key)]);
    expect(state.behind).toHaveLength(1);
    await settle();
    expect(state.queries).toBe(2);
    await bearer(key);
    expect(state.behind).toHaveLength(0);
  });

  it("lets a key that was revoked elsewhere pass for the stated time at most", async () => {
    const { key, row } = await makeKey();
    const { state, bearer, settle } = isolate();
    await bearer(key);
    await revokeKey({ db: testEnv.DB, id: row.id, now: state.now });
    state.now += KEY_TIMES.freshMs + 1;
    await bearer(key);
    await settle();
    expect(await code(bearer(key))).toBe("invalid_api_key");

    const other = await makeKey();
    const idle = isolate();
    await idle.bearer(other.key);
    await revokeKey({ db: testEnv.DB, id: other.row.id, now: idle.state.now });
    idle.state.now += KEY_TIMES.staleMs;
    expect(await code(idle.bearer(other.key))).toBe("invalid_api_key");
  });

  it("refuses a key at once that was revoked here, even while an older read is under way", async () => {
    const { key, row } = await makeKey();
    const { state, snapshot, bearer, settle } = isolate();
    await bearer(key);
    state.now += KEY_TIMES.freshMs + 1;
    await bearer(key);
    snapshot.revoke(row.id);
    await settle();
    expect(await code(bearer(key))).toBe("invalid_api_key");
  });
});

describe("while D1 is down", () => {
  it("serves keys that were seen lately, for a bounded time, and tells the others to try again", async () => {
    const { key } = await makeKey();
    const { state, bearer, settle } = isolate();
    await bearer(key);
    state.down = true;
    state.now += KEY_TIMES.staleMs + 1;
    expect(await code(bearer(key))).toBe("passed");
    await settle();
    state.now += KEY_TIMES.outageMs;
    expect(await code(bearer(key))).toBe("key_check_unavailable");
    expect(await code(bearer(createApiKey().key))).toBe("key_check_unavailable");
    expect(await code(bearer("api-key-for-tests"))).toBe("passed");
  });

  it("waits for D1 once in a while only, not on every call", async () => {
    const { key } = await makeKey();
    const { state, bearer } = isolate();
    await bearer(key);
    state.down = true;
    state.now += KEY_TIMES.staleMs + 1;
    for (let call = 0; call < 10; call++) await bearer(key);
    expect(state.queries).toBe(2);
  });
});

describe("a flood of wrong keys", () => {
  it("asks D1 about the same wrong key once", async () => {
    const { state, bearer } = isolate();
    const { key } = createApiKey();
    for (let call = 0; call < 10; call++) expect(await code(bearer(key))).toBe("invalid_api_key");
    expect(state.queries).toBe(1);
  });

  it("is remembered within bounds, asks D1 at a bounded rate and pushes out no good key", async () => {
    const { key } = await makeKey();
    const { state, snapshot, bearer } = isolate();
    await bearer(key);
    const codes = new Map<string, number>();
    for (let wrong = 0; wrong < 300; wrong++) {
      const refusal = await code(bearer(createApiKey().key));
      codes.set(refusal, (codes.get(refusal) ?? 0) + 1);
    }
    expect(state.queries).toBe(100);
    expect(codes.get("invalid_api_key")).toBe(99);
    expect(codes.get("too_many_unknown_keys")).toBe(201);
    for (let second = 0; second < 15; second++) {
      state.now += 1_000;
      for (let wrong = 0; wrong < 80; wrong++) await code(bearer(createApiKey().key));
    }
    expect(snapshot.sizes.refused).toBeLessThanOrEqual(1_000);
    expect(snapshot.sizes.known).toBe(1);
    expect(await code(bearer(key))).toBe("passed");
  });
});

describe("a rotation of the secret", () => {
  it("keeps keys working and moves those in use to the new secret, so that the next rotation keeps them too", async () => {
    const { key, row } = await makeKey();
    const second = "second-secret-second-secret-000000002";
    const rotated = isolate({ ROUTELET_SECRET: second, ROUTELET_SECRET_PREVIOUS: testEnv.ROUTELET_SECRET });
    expect(await rotated.bearer(key)).toMatchObject({ keyId: row.id });
    await rotated.settle();
    const third = isolate({
      ROUTELET_SECRET: "third-secret-third-secret-00000000003",
      ROUTELET_SECRET_PREVIOUS: second,
    });
    expect(await third.bearer(key)).toMatchObject({ keyId: row.id });
  });

  it("ends keys that were stored under a secret that is set no more", async () => {
    const { key } = await makeKey();
    const { bearer } = isolate({ ROUTELET_SECRET: "unrelated-secret-unrelated-secret-0009" });
    expect(await code(bearer(key))).toBe("invalid_api_key");
  });
});
