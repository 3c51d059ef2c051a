import type { Provider } from "../../backends/providers/provider.ts";
import { PROVIDERS, providerNamed, resolveCloudModel } from "../../backends/providers/registry.ts";
import type { Env } from "../../env.ts";
import { RouteletError } from "../../errors.ts";
import { modelsFor } from "../../routing/model-routes.ts";
import type { Settings } from "../../settings.ts";
import type { PassedPath } from "./passed-path.ts";

/** Where a request goes; `model` is the provider's name for it, null where the request names none. */
export interface PickedProvider {
  provider: Provider;
  model: string | null;
}

export interface PickOptions {
  env: Env;
  settings: Pick<Settings, "models" | "providers">;
  route: PassedPath;
  method: string;
  /** `x-routelet-provider`. */
  named: string | null;
  model: string | null;
  /** Providers for which the caller sent a key of its own. */
  keyed: ReadonlyMap<string, string>;
  /** Its files and batches are Anthropic's own, in another shape. */
  anthropicClient: boolean;
  now: number;
}

function all({ settings }: PickOptions): Provider[] {
  const names = new Set([...PROVIDERS, ...settings.providers].map(({ name }) => name));
  return [...names].flatMap((name) => providerNamed(name, settings.providers) ?? []);
}

const isConfigured = (provider: Provider, { env, keyed }: PickOptions): boolean =>
  provider.configured(env, { ai: env.AI !== undefined }) || keyed.has(provider.name);

const has = (provider: Provider, { env, route }: PickOptions): boolean =>
  provider.routes?.(env).includes(route.family) === true;

function lacking(provider: Provider, options: PickOptions): RouteletError {
  const { route, method } = options;
  const others = all(options).filter((other) => isConfigured(other, options) && has(other, options));
  const instead =
    others.length === 0
      ? "No provider that is configured has it."
      : `Name one that has it in \`x-routelet-provider\` or before the model's name: ${others.map(({ name }) => name).join(", ")}.`;
  return new RouteletError({
    kind: "not_found",
    code: "unsupported_endpoint",
    message: `${provider.name} has no ${method} ${route.endpoint}. ${instead}`,
  });
}

function notConfigured(provider: Provider): RouteletError {
  return new RouteletError({
    kind: "not_found",
    code: "provider_not_configured",
    message: `The gateway has no key for ${provider.name}: set ${provider.variable} and restart.`,
  });
}

function byModel(options: PickOptions, name: string): PickedProvider {
  const { env, settings, keyed, now } = options;
  const { providers } = settings;
  const targets = modelsFor({
    name,
    routes: settings.models,
    fallbacks: [],
    conversation: null,
    random: Math.random,
  });
  const found = targets.flatMap((target) => {
    const { provider, model } = resolveCloudModel(env, target, now, { providers, keyed });
    return { provider: providerNamed(provider, providers), model };
  });
  const picked = found.flatMap(({ provider, model }) => (provider === undefined ? [] : { provider, model }));
  const able = picked.find(({ provider }) => isConfigured(provider, options) && has(provider, options));
  const first = able ?? picked[0];
  if (first === undefined) throw new TypeError("a model's name without a provider");
  return first;
}

function byName(options: PickOptions, name: string): PickedProvider {
  const provider = providerNamed(name, options.settings.providers);
  if (provider !== undefined) return { provider, model: options.model };
  throw new RouteletError({
    kind: "invalid_request",
    code: "unknown_provider",
    message: `There is no provider \`${name}\`. Known: ${all(options)
      .map((known) => known.name)
      .join(", ")}.`,
    param: "x-routelet-provider",
  });
}

/** Who is asked where nobody is named: OpenAI, whose endpoints these are, or else the first that has it. */
function usual(options: PickOptions): PickedProvider {
  const known = all(options);
  const own = known.find(({ name }) => name === (options.anthropicClient ? "anthropic" : "openai"));
  if (own === undefined) throw new TypeError("a usual provider is always there");
  const able = known.find((provider) => isConfigured(provider, options) && has(provider, options));
  const instead = options.anthropicClient || isConfigured(own, options) ? own : (able ?? own);
  return { provider: instead, model: null };
}

/**
 * Finds who is to answer: who is named in the header, whose model is named, or the usual one, in this order.
 *
 * @throws RouteletError `unknown_provider`, `provider_not_configured` or `unsupported_endpoint` (404, by name).
 */
export function pickProvider(options: PickOptions): PickedProvider {
  const { named, model } = options;
  const picked =
    named !== null ? byName(options, named) : model !== null ? byModel(options, model) : usual(options);
  const { provider } = picked;
  if (!has(provider, options)) throw lacking(provider, options);
  if (!isConfigured(provider, options)) throw notConfigured(provider);
  return picked;
}
