import type { AttemptRow, CallRow } from "../db/schema.ts";
import type { AttemptRecord, CallFinish, CallStart, TokenUsage } from "./records.ts";

/** The caller chooses some of these texts; a row stays small whatever they send. Characters. */
const MAX_TEXT = 512;

/** The columns that a call has from its start. */
export function startColumns(start: CallStart): StartColumns {
  return {
    id: start.id,
    projectId: start.projectId,
    keyId: start.keyId,
    startedAt: start.startedAt,
    endpoint: clip(start.endpoint),
    requestedModel: clip(start.requestedModel),
    route: clip(start.route),
    task: clip(start.task),
    session: clip(start.session),
    stream: start.stream,
    traceId: clip(start.traceId),
  };
}

/** The row of a call that runs. */
export function startRow(start: CallStart): CallRow {
  return { ...startColumns(start), ...NO_END };
}

/** What the finish adds to the row. */
export function endColumns(finish: CallFinish): EndColumns {
  return {
    outcome: finish.outcome,
    endedAt: finish.endedAt,
    status: finish.status,
    servedBy: clip(finish.servedBy),
    reason: clip(finish.reason),
    errorCode: clip(finish.errorCode),
    latencyMs: finish.latencyMs,
    firstByteMs: finish.firstByteMs,
    ...usageColumns(finish.usage),
    costUsd: finish.costUsd,
  };
}

/** An attempt's columns; the project is the call's and is filled in where the row is written. */
export function attemptColumns(callId: string, attempt: AttemptRecord): AttemptColumns {
  return {
    callId,
    seq: attempt.seq,
    kind: attempt.kind,
    backend: clip(attempt.backend),
    model: clip(attempt.model),
    startedAt: attempt.startedAt,
    latencyMs: attempt.latencyMs,
    firstByteMs: attempt.firstByteMs,
    outcome: attempt.outcome,
    status: attempt.status,
    errorCode: clip(attempt.errorCode),
    ...usageColumns(attempt.usage),
    costUsd: attempt.costUsd,
  };
}

export type AttemptColumns = Omit<AttemptRow, "projectId">;

/** The columns of the end while there is none. */
export const NO_END = {
  outcome: null,
  endedAt: null,
  status: null,
  servedBy: null,
  reason: null,
  errorCode: null,
  latencyMs: null,
  firstByteMs: null,
  inputTokens: null,
  cachedInputTokens: null,
  outputTokens: null,
  costUsd: null,
} satisfies Partial<CallRow>;

export type StartColumns = Omit<CallRow, keyof typeof NO_END>;

export type EndColumns = Pick<CallRow, keyof typeof NO_END>;

/** The columns that the end of a call sets, and nothing else ever changes. */
export const END_COLUMNS = Object.keys(NO_END) as (keyof EndColumns)[];

/** The end of a call whose finish never arrived: nothing else is known. */
export const LOST_END: EndColumns = { ...NO_END, outcome: "lost" };

function usageColumns(usage: TokenUsage | null) {
  return {
    inputTokens: usage?.inputTokens ?? null,
    cachedInputTokens: usage?.cachedInputTokens ?? null,
    outputTokens: usage?.outputTokens ?? null,
  };
}

function clip(text: string): string;
function clip(text: string | null): string | null;
function clip(text: string | null): string | null {
  return text === null ? null : text.slice(0, MAX_TEXT);
}
