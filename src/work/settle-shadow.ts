import { agreementOn, type Said } from "../conversion/agreement.ts";
import type { Usage } from "../dialects/reply.ts";
import { type Answer, type Label, scoreBasis } from "../routing/guarantee/drawn-outcome.ts";
import { releaseScore } from "../routing/guarantee/release-score.ts";
import type { SlmAnswer } from "../routing/verify/answer.ts";
import { type ReleaseDecision, releaseDecision } from "../routing/verify/release-decision.ts";
import type { SlmReply } from "./ask-slm.ts";
import type { RecordedCall } from "./recorded-call.ts";
import type { Candidate, DrawOutcome } from "./task.ts";

/** What the gateway would have done with an answer to this call. */
const decided = ({ asked, request, row }: RecordedCall, answer: SlmAnswer): ReleaseDecision =>
  releaseDecision({ asked, limited: request.maxTokens !== null, streamed: row.stream, answer });

/** What two answers are to each other, as the loss counts it. `prose` that nobody judged is unknown, and so a loss. */
export function compared(
  recorded: RecordedCall,
  reference: Said | null,
  candidate: Said,
): { label: Label; by: DrawOutcome["by"]; differs: readonly string[] } {
  if (reference === null) return { label: "missing", by: "no_reference", differs: [] };
  const found = agreementOn(recorded.asked, { reference, candidate });
  if (found.same === null) return { label: "missing", by: found.by, differs: [] };
  return { label: found.same ? "fine" : "wrong", by: found.by, differs: found.differs };
}

const tokensOf = (usage: Usage | null) =>
  usage === null ? null : { input: usage.inputTokens, output: usage.outputTokens };

/** What anybody else answered, or only began to, is nothing to hold an answer against. */
const isReference = ({ outcome, servedBy }: RecordedCall["row"]): boolean =>
  outcome === "done" && servedBy !== null && servedBy.startsWith("llm/");

function referenceTokens({ row }: RecordedCall): DrawOutcome["referenceTokens"] {
  const { inputTokens, cachedInputTokens, outputTokens } = row;
  if (!isReference(row) || inputTokens === null || outputTokens === null) return null;
  return { input: inputTokens, cached: cachedInputTokens ?? 0, output: outputTokens };
}

function formOf(
  recorded: RecordedCall,
  valid: boolean,
  answer: SlmAnswer,
  reference: SlmAnswer,
): DrawOutcome["form"] {
  const { asked } = recorded;
  return {
    valid,
    referenceValid: decided(recorded, reference).verdict.valid,
    overCalled: asked.tools.length === 0 ? null : answer.calls.length > 0 && reference.calls.length === 0,
  };
}

/** What has become of a drawn call that a small model was asked behind its back; without the reference's answer its label is missing. */
export function shadowOutcome(recorded: RecordedCall, reply: SlmReply, candidate: Candidate): DrawOutcome {
  const common = {
    candidate: candidate.model,
    fingerprint: candidate.fingerprint,
    referenceTokens: referenceTokens(recorded),
  };
  if ("failed" in reply) {
    return {
      ...common,
      basis: scoreBasis({ streamed: recorded.row.stream, structured: recorded.asked.format !== null }),
      answer: { kind: "missing" },
      label: "missing",
      by: null,
      findings: [reply.failed],
      latencyMs: null,
      slmTokens: null,
    };
  }
  const { verdict, basis, releasable } = decided(recorded, reply.answer);
  const reference = isReference(recorded.row) ? recorded.answer : null;
  const { label, by, differs } = compared(recorded, reference, reply.answer);
  const answer: Answer = releasable
    ? { kind: "scored", score: releaseScore(reply.confidence), basis }
    : { kind: "rejected" };
  const form = reference === null ? null : formOf(recorded, verdict.valid, reply.answer, reference);
  const codes = verdict.findings.map(({ code, path }) => (path === "" ? code : `${code} ${path}`));
  return {
    ...common,
    basis,
    answer,
    label,
    by,
    ...(form === null ? {} : { form }),
    findings: [...codes, ...differs.map((path) => `differs ${path}`)].slice(0, 16),
    latencyMs: reply.latencyMs,
    slmTokens: tokensOf(reply.usage),
  };
}

/** A call of which nothing more can be known: it counts as a loss. */
export function lostOutcome(candidate: Candidate | null, why: string): DrawOutcome {
  return {
    candidate: candidate?.model ?? "",
    fingerprint: candidate?.fingerprint ?? "",
    basis: "whole",
    answer: { kind: "missing" },
    label: "missing",
    by: null,
    findings: [why],
    latencyMs: null,
    slmTokens: null,
    referenceTokens: null,
  };
}
