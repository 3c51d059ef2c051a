import { compatible } from "./compatible.ts";

/** DeepSeek (api-docs.deepseek.com). */
export const deepseek = compatible({
  name: "deepseek",
  key: "DEEPSEEK_API_KEY",
  baseUrl: "https://api.deepseek.com/v1",
});
