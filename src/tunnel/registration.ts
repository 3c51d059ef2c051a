import { z } from "zod";
import { randomBase64Url } from "../security/base64url.ts";
import { type NodeState, nodeStateSchema } from "./protocol/messages.ts";

/** How long a connect nonce lives, in ms. */
export const NONCE_TTL_MS = 60_000;

/** Unused nonces kept at once; the oldest go first, so that asking for many fills nothing. */
const MAX_NONCES = 32;

export function newNonce(): string {
  return randomBase64Url(24);
}

const registrationSchema = z.object({
  nodeId: z.string(),
  name: z.string(),
  projects: z.array(z.string()),
  publicKey: z.string(),
  /** Of the newest connection; each connection claims the next one. */
  generation: z.number().int().nonnegative(),
  revoked: z.boolean(),
});
export type Registration = z.infer<typeof registrationSchema>;

/**
 * What the node's object keeps for itself, so that a node connects while D1 and the fleet's object are away.
 * The keys are listed in `docs/storage-schema.md`: `registration`, `state`, `nonce:<nonce>` (value: expiry).
 */
export class RegistrationStore {
  readonly #kv: SyncKvStorage;
  /** Every call asks for it; nobody but this object writes it. */
  #registration: Registration | null = null;

  constructor(kv: SyncKvStorage) {
    this.#kv = kv;
  }

  /** Null for an object that no node was registered for; reading it stores nothing. */
  get(): Registration | null {
    if (this.#registration !== null) return this.#registration;
    const stored = this.#kv.get("registration");
    if (stored !== undefined) this.#registration = registrationSchema.parse(stored);
    return this.#registration;
  }

  put(registration: Registration): void {
    this.#kv.put("registration", registration);
    this.#registration = registration;
  }

  state(): NodeState | null {
    const stored = this.#kv.get("state");
    return stored === undefined ? null : nodeStateSchema.parse(stored);
  }

  putState(state: NodeState): void {
    this.#kv.put("state", state);
  }

  issueNonce(now: number): string {
    const kept: { key: string; expiresAt: number }[] = [];
    for (const [key, expiresAt] of this.#kv.list<number>({ prefix: "nonce:" })) {
      if (expiresAt <= now) this.#kv.delete(key);
      else kept.push({ key, expiresAt });
    }
    kept.sort((a, b) => a.expiresAt - b.expiresAt);
    for (const { key } of kept.slice(0, Math.max(0, kept.length - MAX_NONCES + 1))) this.#kv.delete(key);
    const nonce = newNonce();
    this.#kv.put(`nonce:${nonce}`, now + NONCE_TTL_MS);
    return nonce;
  }

  /** Uses the nonce up, whatever comes after; false when it is unknown, used or expired. */
  takeNonce(nonce: string, now: number): boolean {
    const key = `nonce:${nonce}`;
    const expiresAt = this.#kv.get<number>(key);
    if (expiresAt === undefined) return false;
    this.#kv.delete(key);
    return expiresAt > now;
  }
}
