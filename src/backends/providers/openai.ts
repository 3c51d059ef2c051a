import { OPENAI_PATHS, type Provider, withoutSlash } from "./provider.ts";
import { COMPACTION, ROUTE_FAMILIES } from "./routes.ts";

/** OpenAI, or any server that speaks its dialect at `OPENAI_BASE_URL`; such a server may need no key. */
export const openai: Provider = {
  name: "openai",
  variable: "OPENAI_API_KEY",
  configured: (env) => Boolean(env.OPENAI_API_KEY || env.OPENAI_BASE_URL),
  baseUrl: (env) => withoutSlash(env.OPENAI_BASE_URL || "https://api.openai.com/v1"),
  paths: OPENAI_PATHS,
  // What another server at that URL has is for its answers to say; OpenAI itself has all but one.
  routes: (env) => [
    ...(env.OPENAI_BASE_URL ? ROUTE_FAMILIES : ROUTE_FAMILIES.filter((family) => family !== "rerank")),
    COMPACTION,
  ],
  keyStyle: "bearer",
  key: (env) => env.OPENAI_API_KEY,
  owns: () => true,
};
