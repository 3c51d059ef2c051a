import { bearer, type Provider } from "./provider.ts";

/**
 * Anthropic through its OpenAI-compatible chat endpoint, which takes the key as a bearer token
 * (docs.anthropic.com, "OpenAI SDK compatibility"). `ANTHROPIC_BASE_URL` has no `/v1`, as its SDKs define it.
 */
export const anthropic: Provider = {
  name: "anthropic",
  variable: "ANTHROPIC_API_KEY",
  configured: (env) => Boolean(env.ANTHROPIC_API_KEY),
  chatUrl: (env) =>
    `${(env.ANTHROPIC_BASE_URL || "https://api.anthropic.com").replace(/\/+$/, "").replace(/\/v1$/, "")}/v1/chat/completions`,
  authHeaders: (env) => bearer(env.ANTHROPIC_API_KEY),
  owns: (model) => model.startsWith("claude"),
};
