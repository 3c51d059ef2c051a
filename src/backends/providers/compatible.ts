import type { Needs, WireDialect } from "../../dialects/call.ts";
import type { ChatWords } from "./adapt-chat.ts";
import { OPENAI_PATHS, type Provider, withoutSlash } from "./provider.ts";
import type { RouteFamily } from "./routes.ts";
import type { ProviderVariable } from "./variables.ts";

/** A provider whose API is OpenAI's, at an address of its own. */
export function compatible(options: {
  name: string;
  /** The variable that holds its key. */
  key: ProviderVariable;
  baseUrl: string;
  /** Beside chat. */
  paths?: Partial<Record<WireDialect, string>>;
  routes?: readonly RouteFamily[];
  lacks?: readonly (keyof Needs)[];
  words?: ChatWords;
}): Provider {
  const { name, key, lacks = [], routes = [] } = options;
  return {
    name,
    variable: key,
    configured: (env) => Boolean(env[key]),
    baseUrl: () => withoutSlash(options.baseUrl),
    paths: { "openai-chat": OPENAI_PATHS["openai-chat"], ...options.paths },
    routes: () => routes,
    keyStyle: "bearer",
    key: (env) => env[key],
    owns: () => false,
    lacks,
    ...(options.words === undefined ? {} : { words: options.words }),
  };
}
