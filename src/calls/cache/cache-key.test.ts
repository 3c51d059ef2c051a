import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseChatCall } from "../../dialects/openai-chat/parse.ts";
import { storedProvider } from "../../settings/providers.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../settings.ts";
import { cacheKey, canonical, isDeterministic } from "./cache-key.ts";

const call = (text: string) => parseChatCall(new TextEncoder().encode(text));
const BODY = '{"model":"m","temperature":0,"messages":[{"role":"user","content":"x"}]}';

const withProvider = (baseUrl: string): Settings => ({
  ...DEFAULT_SETTINGS,
  providers: [storedProvider.parse({ name: "own", baseUrl })],
});

const key = (more: Partial<Parameters<typeof cacheKey>[0]> = {}, text = BODY) =>
  cacheKey({
    call: call(text),
    projectId: "p",
    keyId: "k",
    returnRequestedModel: false,
    route: null,
    headers: new Headers(),
    settings: DEFAULT_SETTINGS,
    ...more,
  });

describe("cacheKey", () => {
  it("is the same for the same request, however it was written", async () => {
    const other = '{ "messages": [ {"content":"x", "role":"user"} ],\n "temperature": 0.0, "model":"m" }';
    expect(await key({}, other)).toBe(await key());
  });

  it.each([
    ["another project", { projectId: "q" }, BODY],
    ["another key", { keyId: "other" }, BODY],
    ["another route", { route: "slm" }, BODY],
    ["another policy", { settings: { ...DEFAULT_SETTINGS, fallbacks: ["gpt-y"] } }, BODY],
    ["another provider of that name", { settings: withProvider("https://b.example.com/v1") }, BODY],
    ["a caller who asked the provider for a beta", { headers: new Headers({ "anthropic-beta": "b" }) }, BODY],
    ["another account", { headers: new Headers({ "openai-organization": "o" }) }, BODY],
    ["a key that has the model renamed", { returnRequestedModel: true }, BODY],
    ["another question", {}, BODY.replace('"x"', '"y"')],
    ["a stream", {}, BODY.replace('"temperature"', '"stream":true,"temperature"')],
  ])("threat: %s never gets the reply", async (_name, more, text) => {
    expect(await key(more, text)).not.toBe(await key());
  });

  it("threat: two requests that differ in digits which are rounded never share a reply", async () => {
    const seeded = (seed: string) => BODY.replace('"temperature"', `"seed":${seed},"temperature"`);
    expect(await key({}, seeded("9007199254740993"))).not.toBe(await key({}, seeded("9007199254740992")));
  });

  it("stays the same when a provider's key is replaced", async () => {
    const settings = withProvider("https://a.example.com/v1");
    const [own] = settings.providers;
    if (own === undefined) throw new Error("no provider");
    const keys = [{ name: "k", weight: 1, sealed: null }];
    const replaced = { ...settings, providers: [{ ...own, keys }] };
    expect(await key({ settings: replaced })).toBe(await key({ settings }));
  });

  it("is shared within the project only where the setting says so", async () => {
    const settings = { ...DEFAULT_SETTINGS, cache: { ...DEFAULT_SETTINGS.cache, scope: "project" as const } };
    expect(await key({ settings, keyId: "a" })).toBe(await key({ settings, keyId: "b" }));
    expect(await key({ settings, projectId: "q" })).not.toBe(await key({ settings }));
  });
});

describe("canonical", () => {
  it("keeps the value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonical(value)).toEqual(value);
      }),
    );
  });
});

describe("isDeterministic", () => {
  it.each([
    ['{"temperature":0}', true],
    ['{"seed":1,"temperature":1}', true],
    ['{"temperature":0.1}', false],
    ["{}", false],
    ['{"seed":null}', false],
  ])("%s: %s", (text, deterministic) => {
    expect(isDeterministic(text)).toBe(deterministic);
  });
});
