import type { Needs, WireDialect } from "../../dialects/call.ts";
import type { ChatWords } from "./adapt-chat.ts";
import { bearer, type Provider, withoutSlash } from "./provider.ts";
import type { ProviderVariable } from "./variables.ts";

/** A provider whose API is OpenAI's, at an address of its own. */
export function compatible(options: {
  name: string;
  /** The variable that holds its key. */
  key: ProviderVariable;
  baseUrl: string;
  /** Beside chat. */
  paths?: Partial<Record<WireDialect, string>>;
  lacks?: readonly (keyof Needs)[];
  words?: ChatWords;
}): Provider {
  const { name, key, lacks = [] } = options;
  return {
    name,
    variable: key,
    configured: (env) => Boolean(env[key]),
    baseUrl: () => withoutSlash(options.baseUrl),
    paths: { "openai-chat": "/chat/completions", ...options.paths },
    authHeaders: (env) => bearer(env[key]),
    owns: () => false,
    lacks,
    ...(options.words === undefined ? {} : { words: options.words }),
  };
}
