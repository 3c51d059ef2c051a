import type { Provider } from "./provider.ts";

/** Cloudflare Workers AI through the `AI` binding, which only a deployed gateway has (`wrangler.toml`, production). */
export const workersAi: Provider = {
  name: "workers-ai",
  variable: "the `AI` binding (deploy with `npm run deploy`)",
  configured: (_env, { ai }) => ai,
  baseUrl: () => null,
  paths: { "openai-chat": "" },
  keyStyle: "bearer",
  key: () => undefined,
  owns: (model) => model.startsWith("@cf/") || model.startsWith("@hf/"),
};
