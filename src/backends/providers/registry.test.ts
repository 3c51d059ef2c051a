import { describe, expect, it } from "vitest";
import type { Env } from "../../env.ts";
import { noteMissingEndpoint } from "../learned-endpoints.ts";
import { keyHeaders } from "./provider.ts";
import { configuredProviders, providerNamed, resolveCloudModel } from "./registry.ts";
import { PROVIDER_VARIABLES } from "./variables.ts";

const resolve = (env: Partial<Env>, name: string, now = 0) => resolveCloudModel(env, name, now);

describe("providers", () => {
  it.each([
    ["openai", { OPENAI_API_KEY: "k" }, "https://api.openai.com/v1", { authorization: "Bearer k" }],
    ["openai", { OPENAI_BASE_URL: "http://127.0.0.1:1/v1/" }, "http://127.0.0.1:1/v1", {}],
    ["anthropic", { ANTHROPIC_API_KEY: "k" }, "https://api.anthropic.com", { "x-api-key": "k" }],
    [
      "anthropic",
      { ANTHROPIC_API_KEY: "k", ANTHROPIC_BASE_URL: "http://127.0.0.1:1/v1/" },
      "http://127.0.0.1:1",
      { "x-api-key": "k" },
    ],
    [
      "azure",
      { AZURE_OPENAI_API_KEY: "k", AZURE_OPENAI_ENDPOINT: "https://me.openai.azure.com/" },
      "https://me.openai.azure.com/openai/v1",
      { "api-key": "k" },
    ],
    ["groq", { GROQ_API_KEY: "k" }, "https://api.groq.com/openai/v1", { authorization: "Bearer k" }],
    ["gemini", { GEMINI_API_KEY: "k" }, "https://generativelanguage.googleapis.com/v1beta/openai", {}],
    ["openrouter", { OPENROUTER_API_KEY: "k" }, "https://openrouter.ai/api/v1", {}],
    ["mistral", { MISTRAL_API_KEY: "k" }, "https://api.mistral.ai/v1", {}],
    ["deepseek", { DEEPSEEK_API_KEY: "k" }, "https://api.deepseek.com/v1", {}],
    ["xai", { XAI_API_KEY: "k" }, "https://api.x.ai/v1", {}],
    ["together", { TOGETHER_API_KEY: "k" }, "https://api.together.xyz/v1", {}],
    ["fireworks", { FIREWORKS_API_KEY: "k" }, "https://api.fireworks.ai/inference/v1", {}],
  ])("%s is switched on by %j, and is found there", (name, env, url, headers) => {
    expect(configuredProviders(env, { ai: false })).toEqual([name]);
    const provider = providerNamed(name);
    expect(provider?.baseUrl(env)).toBe(url);
    expect(keyHeaders(provider?.keyStyle ?? "bearer", provider?.key(env))).toMatchObject(headers);
  });

  it("are all off without their variables", () => {
    expect(configuredProviders({}, { ai: false })).toEqual([]);
    expect(configuredProviders({}, { ai: true })).toEqual(["workers-ai"]);
  });

  it("read every variable that is passed on to the Worker", () => {
    const all = Object.fromEntries(PROVIDER_VARIABLES.map((name) => [name, "https://x"]));
    for (const name of PROVIDER_VARIABLES) {
      const { [name]: _, ...without } = all;
      const seen = (env: Partial<Record<string, string>>) =>
        JSON.stringify(
          configuredProviders(env, { ai: false }).map((known) => [
            known,
            providerNamed(known)?.baseUrl(env),
            providerNamed(known)?.key(env),
          ]),
        );
      expect(seen(without)).not.toBe(seen(all));
    }
  });
});

describe("resolveCloudModel", () => {
  it.each([
    ["claude-x", "anthropic", "claude-x"],
    ["gpt-x", "openai", "gpt-x"],
    ["groq/llama", "groq", "llama"],
    ["openrouter/meta/llama", "openrouter", "meta/llama"],
    ["meta/llama", "openai", "meta/llama"],
    ["@cf/meta/llama", "workers-ai", "@cf/meta/llama"],
  ])("%s is %s's %s", (name, provider, model) => {
    expect(resolve({}, name)).toMatchObject({ provider, model });
  });

  it("leaves out what a server has shown not to speak, for a while", () => {
    const env = { OPENAI_BASE_URL: "http://127.0.0.1:2/v1" };
    expect(resolve(env, "gpt-x").dialects).toContain("openai-responses");
    noteMissingEndpoint({ baseUrl: "http://127.0.0.1:2/v1", dialect: "openai-responses", now: 0 });
    expect(resolve(env, "gpt-x").dialects).not.toContain("openai-responses");
    expect(resolve({ OPENAI_API_KEY: "k" }, "gpt-x").dialects).toContain("openai-responses");
    expect(resolve(env, "gpt-x", 11 * 60_000).dialects).toContain("openai-responses");
  });
});
