import { compatible } from "./compatible.ts";

/** xAI (docs.x.ai/docs/api-reference); its Anthropic endpoint is deprecated there, so that such calls are translated. */
export const xai = compatible({
  name: "xai",
  key: "XAI_API_KEY",
  baseUrl: "https://api.x.ai/v1",
  paths: { "openai-responses": "/responses" },
  routes: ["images"],
  lacks: ["logitBias"],
});
