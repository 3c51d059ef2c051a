import type { HealthReport } from "../routing/breaker.ts";

/** After this long what an isolate said of a backend is nobody's concern any more, in ms. */
const FORGET_MS = 10 * 60_000;

/** Beyond this many backends the one that was heard of least lately is forgotten. */
const MAX_BACKENDS = 1_024;

/** No isolate has more to say at once. */
const MAX_REPORTS = 256;

/**
 * What isolates have found out about backends, the latest word on each. In memory alone: an object that was evicted
 * hears it again with the next failure.
 */
export class HealthBoard {
  readonly #known = new Map<string, HealthReport>();

  /** Takes an isolate's news and gives everybody's. `now` in ms since the epoch. */
  exchange(reports: readonly HealthReport[], now: number): HealthReport[] {
    for (const report of reports.slice(0, MAX_REPORTS)) {
      const known = this.#known.get(report.backend);
      if (known !== undefined && known.since >= report.since) continue;
      this.#known.delete(report.backend);
      // No clock ahead of this one: it would outdo what is found out later.
      this.#known.set(report.backend, { ...report, since: Math.min(report.since, now) });
    }
    for (const [backend, { since }] of this.#known) {
      if (now - since <= FORGET_MS && this.#known.size <= MAX_BACKENDS) break;
      this.#known.delete(backend);
    }
    return [...this.#known.values()].filter(({ since }) => now - since <= FORGET_MS);
  }
}
