import { compatible } from "./compatible.ts";

/** OpenRouter (openrouter.ai/docs/api-reference/overview). */
export const openrouter = compatible({
  name: "openrouter",
  key: "OPENROUTER_API_KEY",
  baseUrl: "https://openrouter.ai/api/v1",
  paths: {
    "openai-responses": "/responses",
    "openai-completions": "/completions",
    "openai-embeddings": "/embeddings",
  },
});
