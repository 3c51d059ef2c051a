import { eq, inArray } from "drizzle-orm";
import { database } from "../db/client.ts";
import { databaseFailure } from "../db/failure.ts";
import { apiKeys } from "../db/schema.ts";
import { SnapshotCache, type SnapshotTimes } from "../db/snapshot-cache.ts";
import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import { hashApiKey, isWellFormedApiKey } from "./api-keys.ts";
import { type Caller, DEFAULT_PROJECT, ENV_KEY_ID } from "./caller.ts";
import { equalBytes, keyedHash, PURPOSE, type Secrets, secretsOf, toHex } from "./derive.ts";
import { LookupBudget } from "./lookup-budget.ts";

export type { Caller };

/**
 * `staleMs` is the promise of `docs/storage-schema.md`: a key that was revoked in another isolate works here
 * for at most this long while D1 answers, and `outageMs` while it does not.
 */
export const KEY_TIMES: SnapshotTimes = { freshMs: 5_000, staleMs: 60_000, outageMs: 15 * 60_000 };
/** How long, and for how many keys, a refusal is remembered. */
const REFUSED_MS = 10_000;
const MAX_REFUSED = 1_000;
const MAX_KNOWN = 10_000;
/** D1 does about 1,000 queries a second in all: an isolate spends at most half on keys it never saw. */
const LOOKUPS_PER_SECOND = 500;
const LOOKUPS_PER_CLIENT = 100;

export interface AuthenticateOptions {
  request: Request;
  env: Env;
  waitUntil: (promise: Promise<unknown>) => void;
  clock: () => number;
}

interface KnownKey extends Caller {
  revoked: boolean;
}

/**
 * The keys that this isolate has seen. Known and refused ones are held apart, so that a flood of wrong keys
 * pushes out no good one.
 */
export class KeySnapshot {
  readonly #known = new SnapshotCache<KnownKey>({ times: KEY_TIMES, maxEntries: MAX_KNOWN });
  readonly #refused = new Map<string, number>();
  readonly #lookups = new LookupBudget({ perClient: LOOKUPS_PER_CLIENT, perSecond: LOOKUPS_PER_SECOND });
  #envKey: { key: string; secret: string; hash: Uint8Array } | null = null;

  /** How many keys are remembered, for the test of the bound. */
  get sizes(): { known: number; refused: number } {
    return { known: this.#known.size, refused: this.#refused.size };
  }

  /**
   * Whose key a request carries, from `Authorization: Bearer` or `x-api-key`. When warm no D1 query happens
   * before it resolves.
   * @throws RouteletError `missing_api_key`, `invalid_api_key` (a revoked key looks the same),
   *   `too_many_unknown_keys` (429) or `key_check_unavailable` (503: D1 is down and the key was not seen lately).
   */
  async authenticate(options: AuthenticateOptions): Promise<Caller> {
    const key = presentedKey(options.request);
    if (key === null) throw missingKey();
    const secrets = secretsOf(options.env);
    const hash = await keyedHash({ secret: secrets.current, info: PURPOSE.keyPepper, text: key });
    if (await this.#isEnvKey({ env: options.env, secret: secrets.current, hash })) return { ...ENV_CALLER };
    if (!isWellFormedApiKey(key)) throw invalidKey();

    const known = await this.#lookUp({ ...options, secrets, key, hash: toHex(hash) });
    if (known === undefined || known.revoked) throw invalidKey();
    const { revoked: _, ...caller } = known;
    return caller;
  }

  /** Takes a revocation made through this isolate at once. */
  revoke(keyId: string): void {
    this.#known.update((known) => (known.keyId === keyId ? { ...known, revoked: true } : known));
  }

  /** The hash of `ROUTELET_API_KEY` is kept: a call costs one HMAC, not two. */
  async #isEnvKey(options: { env: Env; secret: string; hash: Uint8Array }): Promise<boolean> {
    const { secret, env } = options;
    const key = env.ROUTELET_API_KEY;
    if (!key) return false;
    if (this.#envKey?.key !== key || this.#envKey.secret !== secret) {
      const hash = await keyedHash({ secret, info: PURPOSE.keyPepper, text: key });
      this.#envKey = { key, secret, hash };
    }
    return equalBytes(this.#envKey.hash, options.hash);
  }

  async #lookUp(
    options: AuthenticateOptions & { secrets: Secrets; key: string; hash: string },
  ): Promise<KnownKey | undefined> {
    const { clock, env, waitUntil, secrets, key, hash } = options;
    const refusedUntil = this.#refused.get(hash);
    if (refusedUntil !== undefined && clock() < refusedUntil) return undefined;
    if (
      !this.#known.has(hash) &&
      !this.#lookups.take({ client: clientAddress(options.request), now: clock() })
    )
      throw tooManyUnknownKeys();
    try {
      const load = () => loadKey({ env, secrets, key, waitUntil });
      const known = await this.#known.read({ key: hash, clock, waitUntil, load });
      if (known === undefined) this.#refuse(hash, clock());
      return known;
    } catch (error) {
      throw new RouteletError({
        kind: "unavailable",
        code: "key_check_unavailable",
        message: "The gateway cannot check API keys right now. Try again in a moment.",
        retryable: true,
        retryAfterSeconds: 2,
        cause: databaseFailure(error),
      });
    }
  }

  #refuse(hash: string, now: number): void {
    this.#refused.delete(hash);
    for (const oldest of this.#refused.keys()) {
      if (this.#refused.size < MAX_REFUSED) break;
      this.#refused.delete(oldest);
    }
    this.#refused.set(hash, now + REFUSED_MS);
  }
}

/** Where the request came from, as Cloudflare's edge says; a local gateway does not know, and all count as one. */
function clientAddress(request: Request): string {
  return request.headers.get("cf-connecting-ip") ?? "";
}

/** This isolate's keys. */
export const keySnapshot = new KeySnapshot();

/** `KeySnapshot.authenticate` over the keys that this isolate has seen. */
export function authenticate(options: AuthenticateOptions): Promise<Caller> {
  return keySnapshot.authenticate(options);
}

async function loadKey(options: {
  env: Env;
  secrets: Secrets;
  key: string;
  waitUntil: (promise: Promise<unknown>) => void;
}): Promise<KnownKey | undefined> {
  const hashes = await hashApiKey(options);
  const wanted = hashes.previous === null ? [hashes.current] : [hashes.current, hashes.previous];
  const db = database(options.env.DB);
  const rows = await db.select().from(apiKeys).where(inArray(apiKeys.hash, wanted)).limit(1);
  const row = rows[0];
  if (!row) return undefined;
  if (row.hash !== hashes.current) {
    // Stored under the previous secret: moved to the current one, so that the next rotation loses no key in use.
    options.waitUntil(
      db
        .update(apiKeys)
        .set({ hash: hashes.current })
        .where(eq(apiKeys.id, row.id))
        .catch(() => console.warn(JSON.stringify({ event: "key_rehash_failed", key: row.id }))),
    );
  }
  return {
    keyId: row.id,
    projectId: row.projectId,
    returnRequestedModel: row.returnRequestedModel,
    audience: row.audience,
    revoked: row.revokedAt !== null,
  };
}

const ENV_CALLER: Caller = {
  keyId: ENV_KEY_ID,
  projectId: DEFAULT_PROJECT,
  returnRequestedModel: false,
  audience: "agent",
};

/** The key of a request: the Bearer token, else `x-api-key`; null when it carries none. */
export function presentedKey(request: Request): string | null {
  const bearer = /^Bearer[ \t]+(\S+)\s*$/i.exec(request.headers.get("authorization") ?? "");
  return bearer?.[1] ?? (request.headers.get("x-api-key")?.trim() || null);
}

function missingKey(): RouteletError {
  return new RouteletError({
    kind: "authentication",
    code: "missing_api_key",
    message: "No API key was sent. Send one as `Authorization: Bearer <key>` or `x-api-key: <key>`.",
  });
}

function invalidKey(): RouteletError {
  return new RouteletError({
    kind: "authentication",
    code: "invalid_api_key",
    message: "This API key is not valid here. Check it for typing errors, or ask the operator for a new one.",
  });
}

function tooManyUnknownKeys(): RouteletError {
  return new RouteletError({
    kind: "rate_limited",
    code: "too_many_unknown_keys",
    message: "Too many API keys that the gateway has not seen are being tried. Try again in a moment.",
    retryable: true,
    retryAfterSeconds: 1,
  });
}
