import { unitHash } from "./fnv.ts";
import type { Plan, PlannedAttempt } from "./plan.ts";

/** The small model that answers a task's calls, and how. */
export interface Serving {
  model: string;
  /** Of what was certified: only nodes that serve just this are asked. */
  fingerprint: string;
  /** Of the conversations, in (0, 1]. */
  share: number;
  /** Answers that are less sure go to nobody. */
  threshold: number;
}

/**
 * Whether this conversation is one of the share that the small model answers. It hangs on what the conversation's side
 * hangs on, so that all its turns stay where the first one went.
 */
export function isServed(serving: Serving, splitKey: string): boolean {
  return unitHash(`serve\n${splitKey}`) < serving.share;
}

/** A node's answer that is sure enough first, then the model that was asked for. At most two nodes: each costs time. */
export function withSmallModel(
  plan: Plan,
  options: { nodes: readonly PlannedAttempt[]; serving: Serving; firstByteMs: number },
): Plan {
  const { nodes, serving, firstByteMs } = options;
  const { threshold } = serving;
  const first = nodes
    .filter(({ kind }) => kind === "node")
    .slice(0, 2)
    .map((attempt) => ({ ...attempt, firstByteMs, verified: true, threshold }));
  return first.length === 0 ? plan : { attempts: [...first, ...plan.attempts], reason: "task-slm" };
}
