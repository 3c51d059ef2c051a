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

/**
 * The key of a request in the reply cache: 256 bits in hex. Whatever may change the answer is in it: who asks, in which
 * dialect, for what, by which route, and the policy that says what the name of the model stands for.
 */
export async function cacheKey(options: {
  call: Call;
  projectId: string;
  keyId: string;
  route: string | null;
  settings: Settings;
}): Promise<string> {
  const { call, projectId, keyId, route, settings } = options;
  const { models, fallbacks, defaultModel, cache } = settings;
  const identity = [
    projectId,
    cache.scope === "project" ? null : keyId,
    call.dialect,
    route,
    canonical({ models, fallbacks, defaultModel }),
    canonical(JSON.parse(call.text)),
  ];
  const bytes = new TextEncoder().encode(JSON.stringify(identity));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
