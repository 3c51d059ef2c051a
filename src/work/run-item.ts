import type { Said } from "../conversion/agreement.ts";
import type { AskOptions } from "./ask-cloud.ts";
import { askReference } from "./ask-reference.ts";
import { askSlm } from "./ask-slm.ts";
import { servingNode } from "./find-candidate.ts";
import { type RecordedCall, recordedCall, type Unreadable } from "./recorded-call.ts";
import { compared, lostOutcome, shadowOutcome } from "./settle-shadow.ts";
import type { DrawOutcome, Task } from "./task.ts";

export interface ItemOptions extends AskOptions {
  callId: string;
  task: Task;
  tries: number;
  /** When the item was added; milliseconds since the epoch. */
  addedAt: number;
}

/** What came of an item: to be tried again, or settled. `unseen`: the answer that nobody was given. */
export type Settled = { retryAt: number } | { outcome: DrawOutcome; unseen: Said | null };

/** The record of a call follows its response; an agent's longest calls take minutes. */
const RECORD_WAIT_MS = 5 * 60_000;
/** A node that is away may come back; after this a draw is lost. */
const NODE_WAIT_MS = 3_600_000;
const MAX_TRIES = 8;

const lost = (task: Task, why: string): Settled => ({
  outcome: lostOutcome(task.candidate, why),
  unseen: null,
});

/** The time of the next try: soon, and then ever later. */
const backOff = ({ now, tries }: ItemOptions): number => now() + 1_000 * 2 ** Math.min(tries, 8);

function unread(options: ItemOptions, { why }: { why: Unreadable }): Settled {
  const young = options.now() - options.addedAt < RECORD_WAIT_MS;
  if (young && (why === "running" || why === "unknown_call")) return { retryAt: options.now() + 1_000 };
  return lost(options.task, why);
}

/**
 * Asks the small model what it would have said to a call that was drawn. One that the reference failed to answer has a
 * label that is missing.
 */
export async function runShadow(options: ItemOptions): Promise<Settled> {
  const { env, projectId, callId, task, now } = options;
  const { candidate } = task;
  if (candidate === null) return lost(task, "no_candidate");
  const recorded = await recordedCall({ env, callId, projectId });
  if ("why" in recorded) return unread(options, recorded);
  const nodeId = await servingNode({ env, projectId, candidate });
  const waited = now() - options.addedAt;
  if (nodeId === null) return waited < NODE_WAIT_MS ? { retryAt: now() + 30_000 } : lost(task, "no_node");
  const { request } = recorded;
  const reply = await askSlm({ env, projectId, nodeId, model: candidate.model, request, now });
  if ("failed" in reply && reply.retry && options.tries < MAX_TRIES) return { retryAt: backOff(options) };
  const unseen = "failed" in reply ? null : reply.answer;
  return { outcome: shadowOutcome(recorded, reply, candidate), unseen };
}

function auditOutcome(recorded: RecordedCall, task: Task): DrawOutcome {
  const { inputTokens, outputTokens, latencyMs } = recorded.row;
  return {
    ...lostOutcome(task.candidate, "audit"),
    findings: [],
    latencyMs,
    slmTokens:
      inputTokens === null || outputTokens === null ? null : { input: inputTokens, output: outputTokens },
  };
}

/** What the small model said went to nobody, if it said anything: no loss. */
function unservedOutcome({ attempts }: RecordedCall, base: DrawOutcome): DrawOutcome {
  const asked = attempts.filter(({ kind }) => kind === "node");
  const wasRejected = asked.some(({ errorCode }) => errorCode === "verification_failed");
  const findings = asked.flatMap(({ errorCode }) => errorCode ?? []);
  const unserved: DrawOutcome = { ...base, answer: { kind: "rejected" }, label: "fine", findings };
  return wasRejected ? unserved : { ...unserved, silent: true };
}

/** Asks the reference what it would have said to a call that its task's small model was asked for. */
export async function runAudit(options: ItemOptions): Promise<Settled> {
  const { env, projectId, callId, task } = options;
  const recorded = await recordedCall({ env, callId, projectId });
  if ("why" in recorded) return unread(options, recorded);
  const base = auditOutcome(recorded, task);
  if (!recorded.row.servedBy?.startsWith("slm/"))
    return { outcome: unservedOutcome(recorded, base), unseen: null };
  const { answer } = recorded;
  if (answer === null || recorded.row.outcome !== "done") return { outcome: base, unseen: null };
  const reply = await askReference({ ...options, recorded });
  if ("failed" in reply) {
    if (reply.retry && options.tries < MAX_TRIES) return { retryAt: backOff(options) };
    return { outcome: { ...base, findings: [reply.failed] }, unseen: null };
  }
  const { label, by, differs } = compared(recorded, reply.answer, answer);
  const outcome: DrawOutcome = {
    ...base,
    answer: { kind: "scored", score: Number.MAX_VALUE, basis: "whole" },
    label,
    by,
    findings: differs.map((path) => `differs ${path}`),
    referenceTokens: reply.tokens,
    auditCostUsd: reply.costUsd,
  };
  return { outcome, unseen: reply.answer };
}
