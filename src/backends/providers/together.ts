import { compatible } from "./compatible.ts";

/** Together (docs.together.ai/docs/openai-api-compatibility). */
export const together = compatible({
  name: "together",
  key: "TOGETHER_API_KEY",
  baseUrl: "https://api.together.xyz/v1",
  paths: { "openai-completions": "/completions", "openai-embeddings": "/embeddings" },
  routes: ["audio", "images", "rerank", "files", "batches"],
  words: { renames: { max_completion_tokens: "max_tokens" }, noDeveloperRole: true },
});
