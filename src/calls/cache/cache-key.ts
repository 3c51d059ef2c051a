import type { Call } from "../../dialects/call.ts";
import type { Settings } from "../../settings.ts";

type Json = Record<string, unknown>;

/** The same value whatever the order in which its fields were written. */
export function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, canonical((value as Json)[name])]),
  );
}

/** Whether the same request is to give the same answer: no sampling, or a seed. */
export function isDeterministic(text: string): boolean {
  const { temperature, seed } = JSON.parse(text) as Json;
  return temperature === 0 || typeof seed === "number";
}

/** Headers that reach the provider and may change what it answers: betas, versions, the account's organization. */
const PROVIDER_HEADER = /^(anthropic|openai)-/;

/** Integers that `JSON.parse` would round: two requests that differ in one alone would be taken for the same. */
const LONG_INTEGER = /\d{16}/;

/** Where the project's providers are and what they are sent; their keys change no answer. */
function withoutKeys(providers: Settings["providers"]): unknown {
  return providers.map(({ keys: _keys, ...rest }) => canonical(rest));
}

/**
 * The key of a request in the reply cache: 256 bits in hex. Whatever may change the answer is in it: who asks, in which
 * dialect, for what, by which route, with which of a provider's own headers, and the policy that says what the name of the
 * model stands for and where the providers are.
 */
export async function cacheKey(options: {
  call: Call;
  projectId: string;
  keyId: string;
  /** The caller's key has the reply name the model as it was asked for. */
  returnRequestedModel: boolean;
  route: string | null;
  /** The request's. */
  headers: Headers;
  settings: Settings;
}): Promise<string> {
  const { call, projectId, keyId, returnRequestedModel, route, headers, settings } = options;
  const { models, fallbacks, defaultModel, cache, providers } = settings;
  const identity = [
    projectId,
    cache.scope === "project" ? null : keyId,
    returnRequestedModel,
    call.dialect,
    route,
    [...headers].filter(([name]) => PROVIDER_HEADER.test(name)),
    canonical({ models, fallbacks, defaultModel }),
    withoutKeys(providers),
    LONG_INTEGER.test(call.text) ? call.text : canonical(JSON.parse(call.text)),
  ];
  const bytes = new TextEncoder().encode(JSON.stringify(identity));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
