import { splitKeyOf } from "../calls/split-key.ts";
import { answerOf } from "../calls/verifiable.ts";
import type { Candidate } from "../conversion/curation/candidate.ts";
import { opinionOf, type Said } from "../conversion/curation/feedback.ts";
import { isOfKind } from "../conversion/curation/kind-side.ts";
import type { LeftOut } from "../conversion/curation/left-out.ts";
import { shinglesOf } from "../conversion/curation/near-duplicates/shingles.ts";
import { versionOf } from "../conversion/curation/schema-version.ts";
import type { CallRow, DatasetKind } from "../db/schema.ts";
import type { Env } from "../env.ts";
import { readFeedback } from "../ledger/feedback/feedback-store.ts";
import { type Side, sideOf } from "../routing/guarantee/split.ts";
import { parseRoute, resolveTarget, type Target } from "../routing/target.ts";
import { type RecordedCall, recordedCall } from "../work/recorded-call.ts";
import { correctedChoice } from "./corrected-answer.ts";
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

/** What was asked for; a call whose words contradict each other was refused and asked for nothing. */
function targetOf({ requestedModel, route }: CallRow): Target["kind"] | null {
  try {
    return resolveTarget({ model: requestedModel, route: parseRoute(route) }).kind;
  } catch {
    return null;
  }
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

/** The answer to learn from, and what people make of it. Null where what they sent is no answer. */
async function judged(env: Env, recorded: RecordedCall) {
  const { row, call, request, choice } = recorded;
  const { corrected, liked, disliked } = opinionOf(await saidOf(env, row));
  if (corrected === undefined) return { choice, liked, disliked, corrected: false };
  const right = correctedChoice(corrected, { dialect: call.dialect, request });
  return right && { choice: right, liked, disliked, corrected: true };
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
}): Promise<Found | { why: LeftOut }> {
  const { env, row, kind, humans } = options;
  if (humans.keys.has(row.keyId) || (row.task !== null && humans.tasks.has(row.task)))
    return { why: "human" };
  if (row.outcome === null) return { why: "running" };
  const recorded = await recordedCall({ env, callId: row.id, projectId: row.projectId });
  if ("why" in recorded) return recorded;
  const side = sideOf(splitKeyOf(row.session, recorded.request));
  if (!isOfKind(side, kind)) return { why: "other_side" };
  const own = { choice: recorded.choice, liked: false, disliked: false, corrected: false };
  const answer = kind === "evaluation" ? own : await judged(env, recorded);
  if (answer === null) return { why: "invalid_correction" };
  const { choice, ...opinion } = answer;
  const target = targetOf(row);
  const example = exampleOf(recorded.request, choice?.parts ?? null);
  const texts = promptTexts(example);
  return {
    row,
    side,
    nodesOnly: target === "slm",
    example,
    candidate: {
      ...opinion,
      outcome: row.outcome,
      asked: recorded.asked,
      answer: choice && answerOf(choice),
      standIn: target !== "slm" && row.servedBy?.startsWith("slm/") === true,
      version: versionOf(recorded.asked),
    },
    shingles: shinglesOf(texts),
    length: texts.reduce((sum, text) => sum + text.length, 0),
  };
}
