import { compatible } from "./compatible.ts";

/**
 * Mistral (docs.mistral.ai/api, `POST /v1/chat/completions`): neither log-probabilities nor `logit_bias`. It refuses
 * fields that it does not know with a 422, calls the seed `random_seed`, knows `max_tokens` alone, and sends usage in a
 * stream's last chunk unasked.
 */
export const mistral = compatible({
  name: "mistral",
  key: "MISTRAL_API_KEY",
  baseUrl: "https://api.mistral.ai/v1",
  paths: { "openai-embeddings": "/embeddings" },
  routes: ["audio", "moderations", "files", "fine_tuning"],
  lacks: ["logprobs", "logitBias"],
  words: {
    renames: { max_completion_tokens: "max_tokens", seed: "random_seed" },
    omits: ["stream_options", "user", "safety_identifier", "store", "service_tier", "verbosity"],
    noDeveloperRole: true,
  },
});
