import { compatible } from "./compatible.ts";

/** Groq (console.groq.com/docs/openai, "Currently unsupported OpenAI features": log-probabilities, `logit_bias`, `n`). */
export const groq = compatible({
  name: "groq",
  key: "GROQ_API_KEY",
  baseUrl: "https://api.groq.com/openai/v1",
  paths: { "openai-responses": "/responses" },
  routes: ["audio", "files", "batches"],
  lacks: ["logprobs", "logitBias", "multipleChoices"],
});
