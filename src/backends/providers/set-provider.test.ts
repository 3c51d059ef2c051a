import { describe, expect, it } from "vitest";
import { storedProvider } from "../../settings/providers.ts";
import { providerNamed, resolveCloudModel } from "./registry.ts";

const named = (set: object) => {
  const stored = storedProvider.parse(set);
  const provider = providerNamed(stored.name, [stored]);
  if (provider === undefined) throw new Error("a provider of the settings is there by its name");
  return provider;
};

describe("a provider of the settings", () => {
  it.each([
    [{ baseUrl: "https://a.com/v1/" }, { "openai-chat": "https://a.com/v1/chat/completions" }],
    [
      { baseUrl: "https://a.com", speaks: ["anthropic-messages"] },
      { "anthropic-messages": "https://a.com/v1/messages" },
    ],
    [
      { baseUrl: "https://a.com/v1", speaks: ["openai-responses", "anthropic-messages"] },
      { "openai-responses": "https://a.com/v1/responses", "anthropic-messages": "https://a.com/v1/messages" },
    ],
  ])("%j has its endpoints at %j", (set, urls) => {
    const provider = named({ name: "own", ...set });
    const base = provider.baseUrl({}) ?? "";
    const found = Object.entries(provider.paths).map(([dialect, path]) => [dialect, base + path]);
    expect(Object.fromEntries(found)).toEqual(urls);
  });

  it("keeps of a known one what is not set", () => {
    const groq = named({ name: "groq", lacks: ["images"] });
    expect(groq.baseUrl({})).toBe("https://api.groq.com/openai/v1");
    expect(groq.paths).toHaveProperty("openai-responses");
    expect(groq.lacks).toEqual(["images"]);
    expect(named({ name: "mistral" }).words?.renames).toHaveProperty("seed", "random_seed");
    expect(named({ name: "mistral", omits: ["user"] }).words?.renames).toEqual({});
  });

  it("is on with a URL or a key of its own, or as the known one is", () => {
    const sealed = { keyId: "a", iv: "b", ciphertext: "c" };
    const isOn = (set: object, env = {}) => named(set).configured(env, { ai: false });
    expect(isOn({ name: "own", baseUrl: "https://a.com" })).toBe(true);
    expect(isOn({ name: "groq", keys: [{ sealed }] })).toBe(true);
    expect(isOn({ name: "groq" })).toBe(false);
    expect(isOn({ name: "groq" }, { GROQ_API_KEY: "k" })).toBe(true);
  });

  it("is found by its prefix, and a caller with a key of its own needs no other", () => {
    const providers = [storedProvider.parse({ name: "own", baseUrl: "https://a.com" })];
    expect(resolveCloudModel({}, "own/x/y", 0, { providers })).toMatchObject({
      provider: "own",
      model: "x/y",
      own: true,
      configured: true,
    });
    expect(resolveCloudModel({}, "own/x", 0)).toMatchObject({ provider: "openai", model: "own/x" });
    const keyed = new Map([["groq", "k"]]);
    expect(resolveCloudModel({}, "groq/x", 0, { keyed }).configured).toBe(true);
    expect(resolveCloudModel({}, "mistral/x", 0, { keyed }).configured).toBe(false);
  });

  it("has a known one's models without a prefix too", () => {
    const providers = [storedProvider.parse({ name: "anthropic", baseUrl: "https://proxy.example.com" })];
    expect(resolveCloudModel({}, "claude-x", 0, { providers })).toMatchObject({
      provider: "anthropic",
      configured: true,
      own: true,
    });
  });
});
