import { compatible } from "./compatible.ts";

/**
 * OpenRouter (openrouter.ai/docs/api-reference/overview); its Messages endpoint takes the same key as a bearer token.
 */
export const openrouter = compatible({
  name: "openrouter",
  key: "OPENROUTER_API_KEY",
  baseUrl: "https://openrouter.ai/api/v1",
  paths: {
    "openai-responses": "/responses",
    "openai-completions": "/completions",
    "openai-embeddings": "/embeddings",
    "anthropic-messages": "/messages",
  },
});
