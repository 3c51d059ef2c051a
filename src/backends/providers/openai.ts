import { OPENAI_PATHS, type Provider, withoutSlash } from "./provider.ts";

/** OpenAI, or any server that speaks its dialect at `OPENAI_BASE_URL`; such a server may need no key. */
export const openai: Provider = {
  name: "openai",
  variable: "OPENAI_API_KEY",
  configured: (env) => Boolean(env.OPENAI_API_KEY || env.OPENAI_BASE_URL),
  baseUrl: (env) => withoutSlash(env.OPENAI_BASE_URL || "https://api.openai.com/v1"),
  paths: OPENAI_PATHS,
  keyStyle: "bearer",
  key: (env) => env.OPENAI_API_KEY,
  owns: () => true,
};
