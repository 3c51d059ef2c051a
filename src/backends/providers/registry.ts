import { WIRE_DIALECTS, type WireDialect } from "../../dialects/call.ts";
import type { StoredProvider } from "../../settings/providers.ts";
import { lacksEndpoint } from "../learned-endpoints.ts";
import { anthropic } from "./anthropic.ts";
import { azure } from "./azure.ts";
import { deepseek } from "./deepseek.ts";
import { fireworks } from "./fireworks.ts";
import { gemini } from "./gemini.ts";
import { groq } from "./groq.ts";
import { mistral } from "./mistral.ts";
import { openai } from "./openai.ts";
import { openrouter } from "./openrouter.ts";
import type { Provider } from "./provider.ts";
import { setProvider } from "./set-provider.ts";
import { together } from "./together.ts";
import type { ProviderEnv } from "./variables.ts";
import { workersAi } from "./workers-ai.ts";
import { xai } from "./xai.ts";

/** In the order in which a name without a prefix is offered; the last one takes what is left. */
export const PROVIDERS: readonly Provider[] = [
  anthropic,
  workersAi,
  azure,
  gemini,
  openrouter,
  groq,
  mistral,
  deepseek,
  xai,
  together,
  fireworks,
  openai,
];

/** The names of the providers that an environment switches on. */
export function configuredProviders(env: ProviderEnv, bindings: { ai: boolean }): string[] {
  return PROVIDERS.filter((provider) => provider.configured(env, bindings)).map(({ name }) => name);
}

/** Made once for each entry of the settings: those stay the same for seconds. */
const asSet = new WeakMap<StoredProvider, Provider>();

/**
 * The provider with this name; undefined when there is none. `set` is what the project's settings say of providers: it
 * adds some and changes known ones.
 */
export function providerNamed(name: string, set: readonly StoredProvider[] = []): Provider | undefined {
  const known = PROVIDERS.find((provider) => provider.name === name);
  const own = set.find((provider) => provider.name === name);
  if (own === undefined) return known;
  const made = asSet.get(own) ?? setProvider(own, known);
  asSet.set(own, made);
  return made;
}

/** What a provider speaks, without what its server has shown not to have. */
function spoken(provider: Provider, env: ProviderEnv, now: number): WireDialect[] {
  const baseUrl = provider.baseUrl(env) ?? "";
  return WIRE_DIALECTS.filter(
    (dialect) => provider.paths[dialect] !== undefined && !lacksEndpoint({ baseUrl, dialect, now }),
  );
}

/**
 * Finds a cloud model's provider: by its prefix, otherwise by whose name it looks like. `providers` are the settings';
 * a caller that brings a key of its own (`keyed`) needs none of the gateway's.
 */
export function resolveCloudModel(
  env: ProviderEnv & { AI?: unknown },
  name: string,
  now: number,
  {
    providers = [],
    keyed,
  }: { providers?: readonly StoredProvider[]; keyed?: ReadonlyMap<string, string> } = {},
): {
  provider: string;
  model: string;
  configured: boolean;
  variable: string;
  own: boolean;
  dialects: WireDialect[];
} {
  const slash = name.indexOf("/");
  const prefixed = slash > 0 ? providerNamed(name.slice(0, slash), providers) : undefined;
  const owner = PROVIDERS.find((candidate) => candidate.owns(name)) ?? openai;
  const provider = prefixed ?? providerNamed(owner.name, providers) ?? owner;
  return {
    provider: provider.name,
    model: prefixed ? name.slice(slash + 1) : name,
    configured: provider.configured(env, { ai: env.AI !== undefined }) || keyed?.has(provider.name) === true,
    variable: provider.variable,
    own: provider.set !== undefined,
    dialects: spoken(provider, env, now),
  };
}
