import type { Env } from "../env.ts";
import { openedKeys } from "./provider-keys.ts";
import { PROVIDER_KEYS } from "./providers/variables.ts";

/** Shorter ones are no secrets (`none`, `local`), but words of ordinary texts. */
const MIN_KEY_LENGTH = 8;

/** The providers' keys that a call of the project may have gone out with: the environment's and its settings'. */
export function knownKeys(options: { env: Env; projectId: string }): string[] {
  const { env, projectId } = options;
  const ofEnvironment = PROVIDER_KEYS.flatMap((name) => env[name] ?? []);
  return [...ofEnvironment, ...openedKeys(projectId)].filter((key) => key.length >= MIN_KEY_LENGTH);
}

/** Headers without those that hold one of the keys; the same where none does. */
export function withoutHeadersOf(headers: Headers, keys: readonly string[]): Headers {
  const holding = [...headers].filter(([, value]) => keys.some((key) => value.includes(key)));
  if (holding.length === 0) return headers;
  const rest = new Headers(headers);
  for (const [name] of holding) rest.delete(name);
  return rest;
}
