import type { RouteletError } from "../errors.ts";
import {
  afterOutcome,
  askBreaker,
  type BackendOutcome,
  type Breaker,
  type BreakerPolicy,
  CLOSED,
} from "../routing/breaker.ts";
import type { PlannedAttempt } from "../routing/plan.ts";

/** Beyond this many backends the one that was heard of least lately is forgotten. */
const MAX_BACKENDS = 1_024;

/** Each isolate's own view: it costs no hop, and a backend that is down is down for all of them within seconds. */
const breakers = new Map<string, Breaker>();

/** Failures that say that the backend itself is broken; all others are the request's, the caller's or its load's. */
const BROKEN = new Set([
  "upstream_unreachable",
  "upstream_lost",
  "upstream_incomplete",
  "upstream_invalid_reply",
  "upstream_error",
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

/** The name under which a backend's health is kept: one model of a provider can be down while the others are not. */
export function healthKey(attempt: PlannedAttempt): string {
  return attempt.kind === "node" ? `node ${attempt.nodeId}` : `${attempt.provider} ${attempt.model}`;
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
  if (next.phase !== (breaker?.phase ?? "closed"))
    console.warn(JSON.stringify({ event: "breaker", backend, phase: next.phase }));
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
