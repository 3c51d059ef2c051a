import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseChatCall } from "../../dialects/openai-chat/parse.ts";
import { DEFAULT_SETTINGS } from "../../settings.ts";
import { cacheKey, canonical, isDeterministic } from "./cache-key.ts";

const call = (text: string) => parseChatCall(new TextEncoder().encode(text));
const BODY = '{"model":"m","temperature":0,"messages":[{"role":"user","content":"x"}]}';

const key = (more: Partial<Parameters<typeof cacheKey>[0]> = {}, text = BODY) =>
  cacheKey({
    call: call(text),
    projectId: "p",
    keyId: "k",
    route: null,
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
    ["another question", {}, BODY.replace('"x"', '"y"')],
    ["a stream", {}, BODY.replace('"temperature"', '"stream":true,"temperature"')],
  ])("threat: %s never gets the reply", async (_name, more, text) => {
    expect(await key(more, text)).not.toBe(await key());
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
