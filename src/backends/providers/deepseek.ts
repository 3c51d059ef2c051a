import { compatible } from "./compatible.ts";

/**
 * DeepSeek (api-docs.deepseek.com): JSON mode without schemas, one choice, no `logit_bias`. Its Anthropic endpoint
 * ("Using the Anthropic API", `/anthropic`) ignores what it does not support, images among it, so that such calls are
 * translated instead.
 */
export const deepseek = compatible({
  name: "deepseek",
  key: "DEEPSEEK_API_KEY",
  baseUrl: "https://api.deepseek.com/v1",
  lacks: ["multipleChoices", "logitBias", "jsonSchema"],
  words: { renames: { max_completion_tokens: "max_tokens" }, noDeveloperRole: true },
});
