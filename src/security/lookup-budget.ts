interface Bucket {
  tokens: number;
  filledAt: number;
}

/** Addresses that are told apart at a time; the one that was seen longest ago goes first. */
const MAX_CLIENTS = 1_000;

/**
 * Token buckets that hold one second's worth: how often an isolate may ask D1 about things it never saw, for one client
 * and for all of them, so that one who floods the gateway with invented keys shuts out only himself.
 */
export class LookupBudget {
  readonly #perClient: number;
  readonly #perSecond: number;
  readonly #clients = new Map<string, Bucket>();
  readonly #all: Bucket;

  constructor(options: { perClient: number; perSecond: number }) {
    this.#perClient = options.perClient;
    this.#perSecond = options.perSecond;
    this.#all = { tokens: options.perSecond, filledAt: 0 };
  }

  /** Takes one; false when none is left. `now` is in milliseconds. */
  take(options: { client: string; now: number }): boolean {
    const { client, now } = options;
    const own = this.#clients.get(client) ?? { tokens: this.#perClient, filledAt: now };
    this.#clients.delete(client);
    this.#clients.set(client, own);
    for (const oldest of this.#clients.keys()) {
      if (this.#clients.size <= MAX_CLIENTS) break;
      this.#clients.delete(oldest);
    }
    return spend(own, this.#perClient, now) && spend(this.#all, this.#perSecond, now);
  }
}

function spend(bucket: Bucket, perSecond: number, now: number): boolean {
  const earned = Math.max(0, (now - bucket.filledAt) / 1_000) * perSecond;
  bucket.tokens = Math.min(perSecond, bucket.tokens + earned);
  bucket.filledAt = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}
