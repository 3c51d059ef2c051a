import { type Provider, withoutSlash } from "./provider.ts";

/** The version of the API that Anthropic's SDKs ask for, for clients that name none. */
export const ANTHROPIC_HEADERS = { "anthropic-version": "2023-06-01" };

/**
 * Anthropic's Messages API (docs.anthropic.com, "Messages"). `ANTHROPIC_BASE_URL` has no `/v1`, as its SDKs define it;
 * one that ends in it is taken all the same.
 */
export const anthropic: Provider = {
  name: "anthropic",
  variable: "ANTHROPIC_API_KEY",
  configured: (env) => Boolean(env.ANTHROPIC_API_KEY),
  baseUrl: (env) => withoutSlash(env.ANTHROPIC_BASE_URL || "https://api.anthropic.com").replace(/\/v1$/, ""),
  paths: { "anthropic-messages": "/v1/messages" },
  keyStyle: "x-api-key",
  key: (env) => env.ANTHROPIC_API_KEY,
  owns: (model) => model.startsWith("claude"),
};
