/** Models of OpenAI's own, by name; gpt-oss is served by others. */
const OPENAI_OWN = /^(ft:)?(gpt-(?!oss)|o\d|chatgpt-)/;

/**
 * Whether a model is one of OpenAI's own: these have roles and fields that compatible servers do not know
 * (`developer`, `max_completion_tokens`, `allowed_tools`), and refuse some that those need.
 */
export function isOpenAiModel(model: string): boolean {
  return OPENAI_OWN.test(model);
}

/** Stop sequences that OpenAI takes. */
export const MAX_STOPS = 4;
