import { toRouteletError } from "../errors.ts";
import { forgetFleet } from "../fleet/fleet-cache.ts";
import type { AskedBackend, Plan, PlannedAttempt } from "../routing/plan.ts";
import { AttemptFailed } from "./attempt-failed.ts";
import type { AttemptLog } from "./attempt-log.ts";
import { hedged } from "./hedge.ts";
import { inOtherDialect } from "./other-dialect.ts";
import { type StartedInput, startAttempt } from "./start-attempt.ts";
import type { ReadyReply } from "./try-backend.ts";
import { waitForRetry } from "./wait-for-retry.ts";

export interface AttemptsInput extends StartedInput {
  plan: Plan;
  /** Plans anew on a fresh snapshot of the fleet; null when that gives nothing. */
  replan: () => Promise<Plan | null>;
  random: () => number;
}

/** A node that is tried gets at least this long, whatever the nodes before it have used up. */
const MIN_FIRST_BYTE_MS = 250;

/** A node that failed in one of these ways is not where the snapshot says. */
const STALE = new Set(["node_absent", "node_lost", "node_draining"]);

/** After one of these nobody else is asked either. */
const FINAL = new Set(["total_timeout", "local_only_violation", "responses_unavailable"]);

/** What is left of the old plan is still worth trying. */
function replanFailed(cause: unknown): null {
  console.error(JSON.stringify({ event: "replan_failed", cause: String(cause) }));
  return null;
}

const backendOf = (planned: AskedBackend) => (planned.kind === "node" ? planned.nodeId : planned.provider);

/** A request that a provider found wrong is wrong for the others too; a node may only be too small for it. */
function isCallersFault(planned: PlannedAttempt, { kind, status }: AttemptFailed["error"]): boolean {
  return planned.kind === "cloud" && kind === "invalid_request" && (status === 400 || status === 422);
}

/**
 * Runs the planned attempts in order until one has something to release. A failure before that is followed by
 * the next attempt; the last cloud backend of the plan is tried again as the settings say; when none is left, the last
 * failure is thrown as `AttemptFailed`. When a node is not where the snapshot says, the rest is planned anew, once:
 * another may have come in its place. `logs` receives every attempt in order, the one that is returned included.
 */
export async function runAttempts(input: AttemptsInput, logs: AttemptLog[]): Promise<ReadyReply> {
  let last: AttemptFailed | undefined;
  let left = [...input.plan.attempts];
  let replanned = false;
  let tries = 0;
  let learn: (() => void) | null = null;
  const nodesSince = input.now();
  const tryAgain = (failed: AttemptFailed): Promise<boolean> =>
    waitForRetry({
      failed,
      tries,
      policy: input.settings.retries,
      random: input.random,
      now: input.now(),
      endsAt: input.totalEndsAt,
      left: input.left,
    });
  for (let planned = left.shift(); planned !== undefined; planned = left.shift()) {
    // Nodes share one deadline: three frozen ones must not add up before the fallback.
    const spent = planned.kind === "node" ? input.now() - nodesSince : 0;
    if (last !== undefined && spent >= planned.firstByteMs && left.length > 0) continue;
    tries += 1;
    let hedge = false;
    try {
      const firstByteMs = Math.max(MIN_FIRST_BYTE_MS, planned.firstByteMs - spent);
      // What nobody else could answer is not held back: it would only become an error.
      const asked = left.length > 0 ? planned : { ...planned, verified: false };
      const first = startAttempt({ input, planned: asked, logs, firstByteMs });
      const ready = await hedged({
        first,
        afterMs: input.settings.hedging.afterMs,
        next: () => {
          const other = left.shift();
          if (other === undefined) return null;
          hedge = true;
          return startAttempt({ input, planned: other, logs, firstByteMs: other.firstByteMs });
        },
      });
      learn?.();
      return ready;
    } catch (thrown) {
      if (!(thrown instanceof AttemptFailed)) throw thrown;
      last = thrown;
    }
    const { error } = last;
    if (error.kind === "cancelled" || FINAL.has(error.code)) break;
    // Of two that failed together it is not known here which one said this.
    const instead = hedge ? null : inOtherDialect({ ...input, planned, error, now: input.now() });
    learn = null;
    if (instead !== null && "refused" in instead) {
      last = new AttemptFailed(instead.refused);
      continue;
    }
    if (instead !== null) {
      learn = instead.learn;
      left.unshift(instead.attempt);
      continue;
    }
    if (isCallersFault(planned, error)) left = [];
    if (STALE.has(error.code) && !replanned) {
      replanned = true;
      forgetFleet();
      const tried = new Set(logs.map(({ planned: before }) => backendOf(before)));
      const fresh = await input.replan().catch(replanFailed);
      if (fresh !== null) left = fresh.attempts.filter((next) => !tried.has(backendOf(next)));
    }
    // Another node has the same kind of model; the reference is what is wanted now.
    if (error.code === "verification_failed") left = left.filter(({ kind }) => kind === "cloud");
    if (left.length > 0) tries = 0;
    else if (planned.kind === "cloud" && (await tryAgain(last))) left.unshift(planned);
  }
  throw last ?? new AttemptFailed(toRouteletError(new Error("a plan without attempts")));
}
