import { compatible } from "./compatible.ts";

/** Fireworks (docs.fireworks.ai/tools-sdks/openai-compatibility). */
export const fireworks = compatible({
  name: "fireworks",
  key: "FIREWORKS_API_KEY",
  baseUrl: "https://api.fireworks.ai/inference/v1",
  paths: {
    "openai-responses": "/responses",
    "openai-completions": "/completions",
    "openai-embeddings": "/embeddings",
  },
});
