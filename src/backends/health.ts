import type { Env } from "../env.ts";
import type { RouteletError } from "../errors.ts";
import {
  afterOutcome,
  afterReport,
  askBreaker,
  type BackendOutcome,
  type Breaker,
  type BreakerPolicy,
  CLOSED,
  type HealthReport,
} from "../routing/breaker.ts";
import type { AskedBackend } from "../routing/plan.ts";

/** Beyond this many backends the one that was heard of least lately is forgotten. */
const MAX_BACKENDS = 1_024;

/** How often an isolate asks what the others found out, in ms; what it found out itself it tells at once. */
const SHARE_EVERY_MS = 5_000;

/** Each isolate's own view, so that asking costs no hop. */
const breakers = new Map<string, Breaker>();

/** What the others have not been told yet. */
const news = new Map<string, HealthReport>();
let sharedAt = 0;
let sharing = false;

/** Failures that say that the backend itself is broken; all others are the request's, the caller's or its load's. */
const BROKEN = new Set([
  "upstream_unreachable",
  "upstream_lost",
  "upstream_incomplete",
  "upstream_invalid_reply",
  "upstream_error",
  "headers_timeout",
  "first_byte_timeout",
  "idle_timeout",
  "node_lost",
  "node_absent",
]);

/** What the end of an attempt says of its backend; null when it says nothing. */
export function outcomeFor(error: RouteletError | null): BackendOutcome | null {
  if (error === null) return "ok";
  if (error.kind === "rate_limited") return "busy";
  if (BROKEN.has(error.code) || /^backend_5\d\d$/.test(error.code)) return "broken";
  return null;
}

/**
 * The name under which a backend's health is kept: each project's own, since its requests, deadlines and policy decide
 * what fails; and each model's, since one of a provider can be down while the others are not.
 */
export function healthKey(attempt: AskedBackend, projectId: string): string {
  return attempt.kind === "node"
    ? `${projectId} node ${attempt.nodeId}`
    : `${projectId} cloud ${attempt.provider} ${attempt.model}`;
}

/** Notes how an attempt at a backend ended. `backend` is a `healthKey`. */
export function noteOutcome(options: {
  backend: string;
  error: RouteletError | null;
  at: number;
  policy: BreakerPolicy;
}): void {
  const { backend, at, policy } = options;
  const outcome = outcomeFor(options.error);
  if (outcome === null) return;
  const breaker = breakers.get(backend);
  // Most backends never fail: nothing is kept of them.
  if (breaker === undefined && outcome !== "broken") return;
  breakers.delete(backend);
  const next = afterOutcome({ breaker: breaker ?? CLOSED, outcome, at, policy });
  breakers.set(backend, next);
  if (next.phase !== (breaker?.phase ?? "closed")) {
    console.warn(JSON.stringify({ event: "breaker", backend, phase: next.phase }));
    if (next.phase !== "half-open") news.set(backend, { backend, phase: next.phase, since: at });
  }
  const [oldest] = breakers.keys();
  if (breakers.size > MAX_BACKENDS && oldest !== undefined) breakers.delete(oldest);
}

/** Whether a backend should be asked last now. A probe that is due is let through by saying no. */
export function isBroken(options: { backend: string; at: number; policy: BreakerPolicy }): boolean {
  const { backend, at, policy } = options;
  const known = breakers.get(backend);
  if (known === undefined) return false;
  const { open, breaker } = askBreaker({ breaker: known, at, policy });
  if (breaker !== known) breakers.set(backend, breaker);
  return open;
}

async function exchange(env: Pick<Env, "FLEET">): Promise<void> {
  const mine = [...news.values()];
  const heard = await env.FLEET.getByName("fleet").exchangeHealth(mine);
  for (const { backend, since } of mine) if (news.get(backend)?.since === since) news.delete(backend);
  for (const report of heard) {
    const known = breakers.get(report.backend);
    if (known === undefined && report.phase === "closed") continue;
    breakers.set(report.backend, afterReport(known ?? CLOSED, report));
  }
}

/**
 * Tells the other isolates what this one found out about backends, and hears what they did, behind the response: at once
 * when there is news, else every few seconds while there are calls. Call it while planning; it waits for nothing.
 */
export function shareHealth(options: {
  env: Pick<Env, "FLEET">;
  now: number;
  waitUntil: (work: Promise<unknown>) => void;
}): void {
  const { env, now } = options;
  if (sharing || (news.size === 0 && now - sharedAt < SHARE_EVERY_MS)) return;
  sharing = true;
  sharedAt = now;
  options.waitUntil(
    exchange(env)
      .catch((cause: unknown) =>
        console.warn(JSON.stringify({ event: "health_not_shared", cause: String(cause) })),
      )
      .finally(() => {
        sharing = false;
      }),
  );
}
