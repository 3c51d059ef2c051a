import { OPENAI_PATHS, type Provider, withoutSlash } from "./provider.ts";
import type { RouteFamily } from "./routes.ts";

const ROUTES: readonly RouteFamily[] = [
  "audio",
  "images",
  "videos",
  "files",
  "batches",
  "fine_tuning",
  "vector_stores",
  "evals",
  "containers",
];

/**
 * Azure OpenAI through its v1 endpoint (learn.microsoft.com, "Azure OpenAI v1 API"): `AZURE_OPENAI_ENDPOINT` is the
 * resource's, `https://<resource>.openai.azure.com`; a model's name is its deployment's.
 */
export const azure: Provider = {
  name: "azure",
  variable: "AZURE_OPENAI_API_KEY and AZURE_OPENAI_ENDPOINT",
  configured: (env) => Boolean(env.AZURE_OPENAI_API_KEY && env.AZURE_OPENAI_ENDPOINT),
  baseUrl: (env) =>
    `${withoutSlash(env.AZURE_OPENAI_ENDPOINT ?? "").replace(/\/openai(\/v1)?$/, "")}/openai/v1`,
  paths: OPENAI_PATHS,
  routes: () => ROUTES,
  keyStyle: "api-key",
  key: (env) => env.AZURE_OPENAI_API_KEY,
  owns: () => false,
};
