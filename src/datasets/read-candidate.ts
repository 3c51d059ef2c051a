import { splitKeyOf } from "../calls/split-key.ts";
import type { Said as WhatWasSaid } from "../conversion/agreement.ts";
import type { Candidate } from "../conversion/curation/candidate.ts";
import { opinionOf, type Said } from "../conversion/curation/feedback.ts";
import { isOfKind } from "../conversion/curation/kind-side.ts";
import type { LeftOut } from "../conversion/curation/left-out.ts";
import { shinglesOf } from "../conversion/curation/near-duplicates/shingles.ts";
import { versionOf } from "../conversion/curation/schema-version.ts";
import { saidOfCorrection } from "../conversion/said-of-correction.ts";
import type { CallRow, DatasetKind } from "../db/schema.ts";
import type { OutputPart } from "../dialects/model-request.ts";
import type { Env } from "../env.ts";
import { readFeedback } from "../ledger/feedback/feedback-store.ts";
import { type Side, sideOf } from "../routing/guarantee/split.ts";
import type { SlmAnswer } from "../routing/verify/answer.ts";
import { mayLeave } from "../work/may-leave.ts";
import { type RecordedCall, recordedCall } from "../work/recorded-call.ts";
import { type Example, exampleOf } from "./example.ts";

/** A call that may become an item. */
export interface Found {
  row: CallRow;
  side: Side;
  nodesOnly: boolean;
  example: Example;
  candidate: Omit<Candidate, "currentVersion">;
  /** What its prompt says, as a set. */
  shingles: ReadonlySet<number>;
  /** How long its prompt is; UTF-16 units. */
  length: number;
}

/** Whose calls are never collected: those of people. Ids of keys, and names of tasks. */
export interface Humans {
  keys: ReadonlySet<string>;
  tasks: ReadonlySet<string>;
}

async function saidOf(env: Env, { projectId, id, session }: CallRow): Promise<Said[]> {
  const kept = await readFeedback({ env, projectId, callId: id, session, withContent: true });
  return kept.map(({ target, at, score, content }) => ({
    of: "call" in target ? "call" : "run",
    at,
    score,
    ...(content?.corrected === undefined ? {} : { corrected: content.corrected }),
    unreadable: content?.error !== undefined,
  }));
}

/** An answer, and what people make of it. */
interface Judged {
  answer: SlmAnswer | null;
  parts: readonly OutputPart[] | null;
  corrected: boolean;
  liked: boolean;
  disliked: boolean;
}

/** What somebody said would have been right, as the model would have said it. */
function partsOf({ text, calls }: WhatWasSaid): OutputPart[] {
  const words: OutputPart[] = text === "" ? [] : [{ type: "text", text }];
  return [
    ...words,
    ...calls.map((call, at) => ({ type: "tool_call" as const, id: `corrected_${at + 1}`, ...call })),
  ];
}

/** The answer to learn from: the one that was given, or a correction. Null where what was sent is no answer. */
async function judged(env: Env, recorded: RecordedCall, threshold: number): Promise<Judged | null> {
  const { row, choice, answer } = recorded;
  const { corrected, liked, disliked } = opinionOf(await saidOf(env, row), threshold);
  if (corrected === undefined)
    return { answer, parts: choice?.parts ?? null, corrected: false, liked, disliked };
  const right = saidOfCorrection(corrected);
  return (
    right && { answer: { ...right, tokens: null }, parts: partsOf(right), corrected: true, liked, disliked }
  );
}

/** What the conversation says up to its answer; a system prompt is its template, and the template does not count. */
function promptTexts({ messages }: Example): string[] {
  return messages.map(({ content, tool_calls }) =>
    [content, tool_calls]
      .map((said) => (typeof said === "string" ? said : JSON.stringify(said ?? "")))
      .join("\n"),
  );
}

/**
 * Reads a call for a data set, or says why it is not in it.
 * @throws RouteletError `calls_unavailable`; what D1 threw.
 */
export async function readCandidate(options: {
  env: Env;
  row: CallRow;
  kind: DatasetKind;
  humans: Humans;
  /** The score from which an answer counts as right. */
  feedbackThreshold: number;
}): Promise<Found | { why: LeftOut }> {
  const { env, row, kind, humans } = options;
  if (humans.keys.has(row.keyId) || (row.task !== null && humans.tasks.has(row.task)))
    return { why: "human" };
  if (row.outcome === null) return { why: "running" };
  const recorded = await recordedCall({ env, callId: row.id, projectId: row.projectId });
  if ("why" in recorded) return recorded;
  const side = sideOf(splitKeyOf(row.session, recorded.request));
  if (!isOfKind(side, kind)) return { why: "other_side" };
  const { choice, asked } = recorded;
  const raw: Judged = {
    answer: recorded.answer,
    parts: choice?.parts ?? null,
    corrected: false,
    liked: false,
    disliked: false,
  };
  const judgement = kind === "evaluation" ? raw : await judged(env, recorded, options.feedbackThreshold);
  if (judgement === null) return { why: "invalid_correction" };
  const { parts, ...opinion } = judgement;
  const nodesOnly = !mayLeave(row);
  const example = exampleOf(recorded.request, parts);
  const texts = promptTexts(example);
  return {
    row,
    side,
    nodesOnly,
    example,
    candidate: {
      ...opinion,
      outcome: row.outcome,
      asked,
      standIn: !nodesOnly && row.servedBy?.startsWith("slm/") === true,
      version: versionOf(asked),
    },
    shingles: shinglesOf(texts),
    length: texts.reduce((sum, text) => sum + text.length, 0),
  };
}
