import type { Needs, WireDialect } from "../../dialects/call.ts";
import type { StoredProvider } from "../../settings/providers.ts";
import type { ChatWords } from "./adapt-chat.ts";
import type { RouteFamily } from "./routes.ts";
import type { ProviderEnv } from "./variables.ts";

/** The header in which a provider expects its key; `bearer` is `Authorization: Bearer`. */
export type KeyStyle = "bearer" | "x-api-key" | "api-key";

/** A cloud provider as data: where it is, how it is asked, and what configures it. */
export interface Provider {
  /** The prefix in a model's name, `openai/gpt-5-mini`, and the name in `llm/<provider>/<model>`. */
  name: string;
  /** The environment variable that a user sets to switch it on. */
  variable: string;
  /** Given the environment, and whether the deployment has the `AI` binding. */
  configured(env: ProviderEnv, bindings: { ai: boolean }): boolean;
  /** Where its API is, without a slash at the end; null for a provider that is reached by a binding. */
  baseUrl(env: ProviderEnv): string | null;
  /** The dialects that it speaks, each with its path after the base URL. */
  paths: Partial<Record<WireDialect, string>>;
  /** The other OpenAI endpoints that it has, after its base URL; none where this is absent. */
  routes?(env: ProviderEnv): readonly RouteFamily[];
  keyStyle: KeyStyle;
  /** Its key in the environment. */
  key(env: ProviderEnv): string | undefined;
  /** What its chat endpoint is documented not to honour: a call that needs it is not sent there. */
  lacks?: readonly (keyof Needs)[];
  /** Where its words for a chat request differ from OpenAI's. */
  words?: ChatWords;
  /** Whether a name without a prefix belongs to it. */
  owns(model: string): boolean;
  /** What the settings say of it: its keys and extra headers. */
  set?: StoredProvider;
}

/** Where OpenAI's own endpoints are, after a base URL that ends in `/v1` or the like. */
export const OPENAI_PATHS = {
  "openai-chat": "/chat/completions",
  "openai-responses": "/responses",
  "openai-completions": "/completions",
  "openai-embeddings": "/embeddings",
} as const;

/** How a key is presented; nothing when there is none, for servers that need none. */
export function keyHeaders(style: KeyStyle, key: string | undefined): Record<string, string> {
  if (!key) return {};
  return style === "bearer" ? { authorization: `Bearer ${key}` } : { [style]: key };
}

/** A base URL as users write it, without the slashes that they may have put at its end. */
export function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}
