/** The environment variables that configure cloud providers; each is optional. */
export const PROVIDER_VARIABLES = [
  "OPENAI_API_KEY",
  "OPENAI_BASE_URL",
  "ANTHROPIC_API_KEY",
  "ANTHROPIC_BASE_URL",
  "AZURE_OPENAI_API_KEY",
  "AZURE_OPENAI_ENDPOINT",
  "GEMINI_API_KEY",
  "OPENROUTER_API_KEY",
  "GROQ_API_KEY",
  "MISTRAL_API_KEY",
  "DEEPSEEK_API_KEY",
  "XAI_API_KEY",
  "TOGETHER_API_KEY",
  "FIREWORKS_API_KEY",
] as const;

export type ProviderVariable = (typeof PROVIDER_VARIABLES)[number];

/** What of the environment the providers read. */
export type ProviderEnv = Partial<Record<ProviderVariable, string>>;

/** Those that hold a secret: no other process gets them. */
export const PROVIDER_KEYS = PROVIDER_VARIABLES.filter((name) => name.endsWith("_API_KEY"));
