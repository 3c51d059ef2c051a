import type { Env } from "../env.ts";
import { orderFor } from "../routing/sticky.ts";
import { secretsOf } from "../security/derive.ts";
import { openKey, type SealedKey } from "../security/sealed-key.ts";
import { refusesKey } from "./key-refusal.ts";
import type { Provider } from "./providers/provider.ts";

/** A key that a call can go out with. */
export interface ProviderKey {
  /** Tells it apart from all others; no part of the key. */
  id: string;
  value: string | undefined;
}

/** How long a key that was answered 429 rests where the provider does not say; milliseconds. */
const BUSY_MS = 30_000;
/** And one that was refused, or has no money left: an operator has to act. */
const REFUSED_MS = 5 * 60_000;
const LONGEST_BUSY_MS = 10 * 60_000;

/** Beyond this many the oldest is forgotten, in either memory. */
const MAX_KEYS = 1_024;

/** Until when a key rests, and keys that were opened; this isolate's own. */
const restsUntil = new Map<string, number>();
const opened = new Map<string, { projectId: string; key: string }>();

function remember<Value>(memory: Map<string, Value>, id: string, value: Value): void {
  memory.delete(id);
  memory.set(id, value);
  const [oldest] = memory.keys();
  if (memory.size > MAX_KEYS && oldest !== undefined) memory.delete(oldest);
}

/** How long a key rests after such an answer, in milliseconds; null when the answer says nothing about the key. */
export async function restAfter(response: Response, now: number): Promise<number | null> {
  if (response.status === 402 || (await refusesKey(response))) return REFUSED_MS;
  if (response.status !== 429) return null;
  const retryAfter = response.headers.get("retry-after");
  const seconds = Number(retryAfter ?? Number.NaN);
  const asked = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(retryAfter ?? "") - now;
  return Number.isFinite(asked) && asked > 0 ? Math.min(asked, LONGEST_BUSY_MS) : BUSY_MS;
}

/** The key is left alone for a while: the next calls go out with the provider's other keys, if there are any. */
export function letRest(id: string, until: number): void {
  remember(restsUntil, id, until);
}

async function open(options: {
  env: Env;
  projectId: string;
  provider: Provider;
  sealed: SealedKey;
}): Promise<string | undefined> {
  const { env, projectId, provider, sealed } = options;
  const purpose = { projectId, provider: provider.name, baseUrl: provider.set?.baseUrl ?? null };
  // With its purpose: what opened for one must not be had for another.
  const id = JSON.stringify([purpose, sealed]);
  const known = opened.get(id);
  if (known !== undefined) return known.key;
  const key = await openKey({ secrets: secretsOf(env), purpose, sealed });
  if (key === null) {
    console.error(JSON.stringify({ event: "provider_key_unreadable", provider: provider.name }));
    return undefined;
  }
  remember(opened, id, { projectId, key });
  return key;
}

/** The keys of a project's settings that this isolate has opened: no other can have been sent from here. */
export function openedKeys(projectId: string): string[] {
  return [...opened.values()].filter((known) => known.projectId === projectId).map(({ key }) => key);
}

/**
 * The keys to try for a call, in order: drawn by weight, a conversation always with the same one (its prompt cache is
 * the account's), those that rest at the end. The settings' keys take the place of the environment's. Never empty: a
 * server without a key is asked without.
 */
export async function keysFor(options: {
  env: Env;
  projectId: string;
  provider: Provider;
  conversation: string | null;
  random: () => number;
  now: number;
}): Promise<ProviderKey[]> {
  const { env, projectId, provider, conversation, random, now } = options;
  const stored = (provider.set?.keys ?? []).flatMap(({ sealed, weight }) =>
    sealed === null || weight === 0 ? [] : [{ id: `${provider.name} ${sealed.iv}`, sealed, weight }],
  );
  if (stored.length === 0) return [{ id: `${provider.name} env`, value: provider.key(env) }];
  const rests = ({ id }: { id: string }) => (restsUntil.get(id) ?? 0) > now;
  const ordered = orderFor({
    key: conversation,
    candidates: stored,
    idOf: ({ id }) => id,
    weightOf: ({ weight }) => weight,
    random,
  });
  const sorted = [...ordered.filter((key) => !rests(key)), ...ordered.filter(rests)];
  const keys = await Promise.all(
    sorted.map(async ({ id, sealed }) => ({ id, value: await open({ env, projectId, provider, sealed }) })),
  );
  const usable = keys.filter(({ value }) => value !== undefined);
  return usable.length > 0 ? usable : [{ id: `${provider.name} none`, value: undefined }];
}
