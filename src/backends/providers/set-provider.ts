import type { WireDialect } from "../../dialects/call.ts";
import { LACKING, type StoredProvider } from "../../settings/providers.ts";
import type { ChatWords } from "./adapt-chat.ts";
import { OPENAI_PATHS, type Provider, withoutSlash } from "./provider.ts";
import { COMPACTION, ROUTE_FAMILIES } from "./routes.ts";

/** Where a dialect's endpoint is after a base URL as users write it, for OpenAI's SDKs or for Anthropic's. */
function pathOf(dialect: WireDialect, baseUrl: string): string {
  if (dialect !== "anthropic-messages") return OPENAI_PATHS[dialect];
  return baseUrl.endsWith("/v1") ? "/messages" : "/v1/messages";
}

function wordsOf(set: StoredProvider): ChatWords | undefined {
  if (set.renames.length === 0 && set.omits.length === 0 && set.developerRole) return undefined;
  return {
    renames: Object.fromEntries(set.renames.map(({ from, to }) => [from, to])),
    omits: set.omits,
    noDeveloperRole: !set.developerRole,
  };
}

/**
 * A provider as the settings have it: one of the known ones, changed, or one of its own. The environment's key stays
 * with the environment's URL: where the settings name another URL, only their own keys go there.
 */
export function setProvider(set: StoredProvider, known: Provider | undefined): Provider {
  const speaks = set.speaks ?? (known === undefined ? (["openai-chat"] as const) : null);
  const words = wordsOf(set) ?? known?.words;
  const baseUrl = set.baseUrl === null ? null : withoutSlash(set.baseUrl);
  const elsewhere = baseUrl !== null;
  const hasKeys = set.keys.some(({ sealed }) => sealed !== null);
  return {
    name: set.name,
    variable: `a key of \`providers\` by PUT /api/settings`,
    routes: (env) =>
      elsewhere || known === undefined ? [...ROUTE_FAMILIES, COMPACTION] : (known.routes?.(env) ?? []),
    keyStyle:
      speaks?.length === 1 && speaks[0] === "anthropic-messages"
        ? "x-api-key"
        : (known?.keyStyle ?? "bearer"),
    configured: (env, bindings) => elsewhere || hasKeys || known?.configured(env, bindings) === true,
    baseUrl: (env) => baseUrl ?? known?.baseUrl(env) ?? null,
    paths:
      speaks === null
        ? (known?.paths ?? {})
        : Object.fromEntries(
            speaks.map((dialect) => [
              dialect,
              (elsewhere ? undefined : known?.paths[dialect]) ?? pathOf(dialect, baseUrl ?? ""),
            ]),
          ),
    key: (env) => (elsewhere ? undefined : known?.key(env)),
    lacks: set.lacks?.map((name) => LACKING[name]) ?? known?.lacks ?? [],
    ...(words === undefined ? {} : { words }),
    owns: (model) => known?.owns(model) === true,
    set,
  };
}
