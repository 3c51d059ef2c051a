import { compatible } from "./compatible.ts";

/**
 * Fireworks (docs.fireworks.ai/tools-sdks/openai-compatibility, and "Anthropic compatibility": the Messages endpoint
 * takes the same key as a bearer token).
 */
export const fireworks = compatible({
  name: "fireworks",
  key: "FIREWORKS_API_KEY",
  baseUrl: "https://api.fireworks.ai/inference/v1",
  paths: {
    "openai-responses": "/responses",
    "openai-completions": "/completions",
    "openai-embeddings": "/embeddings",
    "anthropic-messages": "/messages",
  },
  routes: ["rerank"],
  words: { renames: { max_completion_tokens: "max_tokens" }, noDeveloperRole: true },
});
