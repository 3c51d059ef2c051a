import { compatible } from "./compatible.ts";

/**
 * Google Gemini through its OpenAI endpoint (ai.google.dev/gemini-api/docs/openai). Its reference
 * (ai.google.dev/api/compatibility) has neither log-probabilities nor `logit_bias`.
 */
export const gemini = compatible({
  name: "gemini",
  key: "GEMINI_API_KEY",
  baseUrl: "https://generativelanguage.googleapis.com/v1beta/openai",
  paths: { "openai-embeddings": "/embeddings" },
  routes: ["images"],
  lacks: ["logprobs", "logitBias"],
  words: { noDeveloperRole: true },
});
