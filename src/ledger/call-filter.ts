import type { CallRow } from "../db/schema.ts";

/** Which calls a list shows; every field that is set must match. */
export interface CallFilter {
  projectId: string;
  /** The model that was asked for. */
  model?: string;
  /** The beginning of who served: `slm/`, `llm/openai/`. */
  servedBy?: string;
  /** `running`: not ended yet. */
  outcome?: NonNullable<CallRow["outcome"]> | "running";
  status?: number;
  /** The names that its task may be recorded under. */
  tasks?: readonly string[];
  session?: string;
  keyId?: string;
}

/** The same question that `calls-query.ts` asks D1, for rows that D1 does not have yet. */
export function matchesFilter(row: CallRow, filter: CallFilter): boolean {
  return (
    row.projectId === filter.projectId &&
    (filter.model === undefined || row.requestedModel === filter.model) &&
    (filter.servedBy === undefined || (row.servedBy ?? "").startsWith(filter.servedBy)) &&
    (filter.outcome === undefined || (row.outcome ?? "running") === filter.outcome) &&
    (filter.status === undefined || row.status === filter.status) &&
    (filter.tasks === undefined || (row.task !== null && filter.tasks.includes(row.task))) &&
    (filter.session === undefined || row.session === filter.session) &&
    (filter.keyId === undefined || row.keyId === filter.keyId)
  );
}
