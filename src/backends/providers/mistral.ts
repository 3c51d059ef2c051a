import { compatible } from "./compatible.ts";

/** Mistral (docs.mistral.ai/api): neither log-probabilities nor `logit_bias`. */
export const mistral = compatible({
  name: "mistral",
  key: "MISTRAL_API_KEY",
  baseUrl: "https://api.mistral.ai/v1",
  paths: { "openai-embeddings": "/embeddings" },
  lacks: ["logprobs", "logitBias"],
});
