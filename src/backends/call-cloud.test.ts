import { beforeEach, describe, expect, it } from "vitest";
import type { Env } from "../env.ts";
import { sealKey } from "../security/sealed-key.ts";
import { type StoredProvider, storedProvider } from "../settings/providers.ts";
import { type CloudAccount, type CloudCall, callCloud } from "./call-cloud.ts";

const SECRET = "s".repeat(32);
const env = { ROUTELET_SECRET: SECRET, OPENAI_API_KEY: "env-key", ANTHROPIC_API_KEY: "anthropic-env" } as Env;

/** A provider's server: answers by the key that it is shown, and remembers what it was asked. */
interface Asked {
  url: string;
  headers: Record<string, string>;
  body: string;
}
let asked: Asked[] = [];
let answers: (key: string) => Response = () => Response.json({});

const server = (async (url: string, init: { headers: Record<string, string>; body: Uint8Array }) => {
  asked.push({ url, headers: init.headers, body: new TextDecoder().decode(init.body) });
  const { authorization = "", "x-api-key": xApiKey = "" } = init.headers;
  return answers(authorization.replace("Bearer ", "") || xApiKey);
}) as unknown as typeof fetch;

let names = 0;
/** Each test has a provider of its own name: which keys rest is remembered by the isolate. */
async function custom(
  keys: readonly (string | { value: string; weight: number })[],
  more: Partial<Parameters<typeof storedProvider.parse>[0] & object> = {},
): Promise<StoredProvider> {
  const set = storedProvider.parse({ name: `own${names++}`, baseUrl: "https://llm.example.com/v1", ...more });
  const purpose = { projectId: "p", provider: set.name, baseUrl: set.baseUrl };
  const sealed = keys.map(async (key, at) => {
    const { value, weight } = typeof key === "string" ? { value: key, weight: 1 } : key;
    const secrets = { current: SECRET, previous: null };
    return { name: `k${at}`, weight, sealed: await sealKey({ secrets, purpose, key: value }) };
  });
  return { ...set, keys: await Promise.all(sealed) };
}

const call = (
  provider: string,
  account: Partial<CloudAccount> = {},
  more: Partial<Omit<CloudCall, "body">> & { body?: string } = {},
) =>
  callCloud({
    env,
    provider,
    model: "m",
    dialect: "openai-chat",
    clientHeaders: new Headers({ authorization: "Bearer routelet-key" }),
    mayLeave: true,
    signal: new AbortController().signal,
    fetch: server,
    account: {
      projectId: "p",
      providers: [],
      passProviderKey: false,
      conversation: null,
      random: () => 0.5,
      now: () => 1_000,
      ...account,
    },
    ...more,
    body: new TextEncoder().encode(more.body ?? '{"model":"m"}') as Uint8Array<ArrayBuffer>,
  });

const shown = () =>
  asked.map(({ headers }) => headers.authorization?.replace("Bearer ", "") ?? headers["x-api-key"] ?? null);

beforeEach(() => {
  asked = [];
  answers = () => Response.json({});
});

it("a call carries the gateway's mark, so that one that comes back is known", async () => {
  await call("openai");
  expect(asked[0]?.headers["cdn-loop"]).toMatch(/^routelet;id=[0-9a-f]{8}$/);
});

describe("a provider of the settings", () => {
  it("is asked at its URL, with its key and headers, in its own words", async () => {
    const set = await custom(["own-key"], {
      headers: [{ name: "X-Team", value: "red" }],
      renames: [{ from: "max_completion_tokens", to: "max_tokens" }],
    });
    await call(set.name, { providers: [set] }, { body: '{"max_completion_tokens":5}' });
    expect(asked).toEqual([
      {
        url: "https://llm.example.com/v1/chat/completions",
        headers: expect.objectContaining({ authorization: "Bearer own-key", "x-team": "red" }),
        body: '{"max_tokens":5}',
      },
    ]);
  });

  it("may speak Anthropic's dialect", async () => {
    const set = await custom(["own-key"], {
      speaks: ["anthropic-messages"],
      baseUrl: "https://llm.example.com",
    });
    await call(set.name, { providers: [set] }, { dialect: "anthropic-messages" });
    expect(asked[0]).toMatchObject({
      url: "https://llm.example.com/v1/messages",
      headers: { "x-api-key": "own-key", "anthropic-version": "2023-06-01" },
    });
  });

  it("changes a known one of its name, whose own it keeps else", async () => {
    const openai = {
      ...(await custom(["other-account"], { name: "openai", baseUrl: null })),
      name: "openai",
    };
    await call("openai", { providers: [openai] }, { dialect: "openai-responses" });
    expect(asked[0]?.url).toBe("https://api.openai.com/v1/responses");
    expect(shown()).toEqual(["other-account"]);
  });

  it("threat: the environment's key never goes to a URL that came over the API", async () => {
    const openai = storedProvider.parse({ name: "openai", baseUrl: "https://elsewhere.example.com/v1" });
    await call("openai", { providers: [openai] });
    expect(asked[0]?.url).toBe("https://elsewhere.example.com/v1/chat/completions");
    expect(shown()).toEqual([null]);
  });

  it.each([
    ["another project's row", { projectId: "q" }, {}],
    ["another URL", {}, { baseUrl: "https://elsewhere.example.com/v1" }],
  ])(
    "threat: a sealed key that was copied to %s is not sent, also where it was opened before",
    async (...row) => {
      const [, account, change] = row;
      const set = await custom(["own-key"]);
      await call(set.name, { providers: [set] });
      await call(set.name, { ...account, providers: [{ ...set, ...change }] });
      expect(shown()).toEqual(["own-key", null]);
    },
  );

  it("threat: a redirect is not followed", async () => {
    const set = await custom(["own-key"]);
    answers = () => new Response(null, { status: 302, headers: { location: "http://169.254.169.254/" } });
    await expect(call(set.name, { providers: [set] })).rejects.toMatchObject({ code: "upstream_redirect" });
  });
});

describe("several keys", () => {
  it.each([
    [401, ""],
    [402, ""],
    [403, "Invalid API key"],
    [429, ""],
  ])("are tried in turn after a %i %s", async (status, words) => {
    const set = await custom(["bad", "good"]);
    answers = (key) => new Response(words, { status: key === "bad" ? status : 200 });
    // The first draw is the lowest score: "bad" goes first.
    let draw = 0;
    const random = () => (draw++ % 2 === 0 ? 0.9 : 0.1);
    expect((await call(set.name, { providers: [set], random })).status).toBe(200);
    expect(shown()).toEqual(["bad", "good"]);
    await call(set.name, { providers: [set], random });
    expect(shown().slice(2)).toEqual(["good"]);
  });

  it("rest as long as the provider asks", async () => {
    const set = await custom(["busy", "other"]);
    answers = (key) =>
      key === "busy"
        ? new Response(null, { status: 429, headers: { "retry-after": "60" } })
        : Response.json({});
    const first = (now: number) => {
      let draw = 0;
      return call(set.name, { providers: [set], now: () => now, random: () => (draw++ === 0 ? 0.9 : 0.1) });
    };
    await first(0);
    await first(59_000);
    await first(61_000);
    expect(shown()).toEqual(["busy", "other", "other", "busy", "other"]);
  });

  it("give the last answer where all of them are refused, and are all tried again", async () => {
    const set = await custom(["a", "b"]);
    answers = () => new Response(null, { status: 429 });
    expect((await call(set.name, { providers: [set] })).status).toBe(429);
    expect((await call(set.name, { providers: [set] })).status).toBe(429);
    expect(shown()).toHaveLength(4);
  });

  it("are not tried in turn for what is not about the key", async () => {
    const set = await custom(["a", "b"]);
    answers = () => new Response(null, { status: 500 });
    expect((await call(set.name, { providers: [set] })).status).toBe(500);
    expect(asked).toHaveLength(1);
  });

  it("are drawn by weight, and a conversation keeps its own", async () => {
    const set = await custom(["much", { value: "never", weight: 0 }, { value: "little", weight: 0.25 }]);
    for (let at = 0; at < 400; at++) await call(set.name, { providers: [set], random: Math.random });
    const share = shown().filter((key) => key === "much").length / 400;
    expect(share).toBeGreaterThan(0.7);
    expect(share).toBeLessThan(0.9);
    expect(shown()).not.toContain("never");
    asked = [];
    for (let at = 0; at < 20; at++)
      await call(set.name, { providers: [set], random: Math.random, conversation: "c" });
    expect(new Set(shown()).size).toBe(1);
  });
});

describe("a caller's own key", () => {
  const withKey = (value: string) => ({ clientHeaders: new Headers({ "x-routelet-provider-key": value }) });

  it("is used in place of the gateway's, for its provider alone, and goes nowhere else", async () => {
    await call("openai", { passProviderKey: true }, withKey("openai=mine"));
    await call(
      "anthropic",
      { passProviderKey: true },
      { ...withKey("openai=mine"), dialect: "anthropic-messages" },
    );
    expect(shown()).toEqual(["mine", "anthropic-env"]);
    expect(JSON.stringify(asked[1])).not.toContain("mine");
  });

  it("threat: is refused where the setting does not allow it, and nothing is sent", async () => {
    await expect(call("openai", {}, withKey("openai=mine"))).rejects.toMatchObject({
      code: "provider_key_not_allowed",
    });
    expect(asked).toEqual([]);
  });
});

describe("a provider that shows a key in its headers", () => {
  it("threat: no such header comes back, whether the key was the settings' or the environment's", async () => {
    const set = await custom(["settings-key"]);
    const withKeys = { ...env, OPENAI_API_KEY: "environment-key" } as Env;
    answers = (key) =>
      Response.json({}, { headers: { "x-own": key, "x-other": "environment-key", "x-request-id": "r" } });
    const reply = await call(set.name, { providers: [set] }, { env: withKeys });
    expect(Object.fromEntries(reply.headers)).toEqual({
      "content-type": "application/json",
      "x-request-id": "r",
    });
  });
});

describe("content that must not leave", () => {
  it("threat: goes to no provider, whatever was planned", async () => {
    await expect(call("openai", {}, { mayLeave: false })).rejects.toMatchObject({
      code: "local_only_violation",
    });
    expect(asked).toEqual([]);
  });
});
