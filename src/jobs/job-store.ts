import { and, desc, eq, inArray, lt } from "drizzle-orm";
import { type EvaluationTally, NO_ITEMS } from "../conversion/evaluation.ts";
import { auditInsert } from "../db/audit.ts";
import { database } from "../db/client.ts";
import { type JobRow, type JobState, jobs } from "../db/schema.ts";
import { SORTABLE_ID, sortableId } from "../db/sortable-id.ts";

const FORM = new RegExp(`^job_${SORTABLE_ID}$`);
const RUNNING: JobState[] = ["queued", "running"];

export const newJobId = (now: number): string => `job_${sortableId(now)}`;
export const isJobId = (text: string): boolean => FORM.test(text);

/** A small model asked what a data set's items asked, its answers held against theirs. */
export interface EvaluationSpec {
  datasetId: string;
  /** How many items are asked, at most. */
  limit: number;
  /** The model as it was when the job was made: the name, the weights where they are known, and all that decides its answers. */
  candidate: { model: string; weights: string | null; fingerprint: string };
  /** Items of a training set that each question is asked with; null for none. */
  inContext: { datasetId: string; count: number } | null;
}

export interface JobEvent {
  /** Milliseconds since the epoch. */
  at: number;
  message: string;
}

export interface JobProgress {
  /** Of the set's items, those to be asked. */
  total: number;
  tally: EvaluationTally;
}

/** Begins a job, and puts down who had its content opened. @throws what D1 threw. */
export async function beginJob(options: {
  db: D1Database;
  id: string;
  projectId: string;
  spec: EvaluationSpec;
  total: number;
  events: readonly JobEvent[];
  now: number;
}): Promise<void> {
  const { db, id, projectId, spec, total, events, now } = options;
  await database(db).batch([
    database(db)
      .insert(jobs)
      .values({
        id,
        projectId,
        kind: "evaluation",
        state: "queued",
        spec: JSON.stringify(spec),
        progress: JSON.stringify({ total, tally: NO_ITEMS } satisfies JobProgress),
        events: JSON.stringify(events),
        createdAt: now,
      }),
    auditInsert({ db, entry: { at: now, action: "job.create", target: id, projectId } }),
  ]);
}

/** Writes how far a job is; false where it was ended meanwhile. */
export async function putProgress(options: {
  db: D1Database;
  id: string;
  state: JobState;
  progress: JobProgress;
  events: readonly JobEvent[];
  startedAt: number | null;
  endedAt: number | null;
}): Promise<boolean> {
  const { db, id, state, progress, events, startedAt, endedAt } = options;
  const changed = await database(db)
    .update(jobs)
    .set({
      state,
      progress: JSON.stringify(progress),
      events: JSON.stringify(events),
      startedAt,
      endedAt,
    })
    .where(and(eq(jobs.id, id), inArray(jobs.state, RUNNING)))
    .returning({ id: jobs.id });
  return changed.length > 0;
}

/** Ends a job that goes on; false where the project has none of this id that does. */
export async function cancelJob(options: {
  db: D1Database;
  projectId: string;
  id: string;
  now: number;
}): Promise<boolean> {
  const { db, projectId, id, now } = options;
  const [changed] = await database(db).batch([
    database(db)
      .update(jobs)
      .set({ state: "cancelled", endedAt: now })
      .where(and(eq(jobs.id, id), eq(jobs.projectId, projectId), inArray(jobs.state, RUNNING)))
      .returning({ id: jobs.id }),
    auditInsert({ db, entry: { at: now, action: "job.cancel", target: id, projectId } }),
  ]);
  return changed.length > 0;
}

/** A project's jobs, newest first. */
export async function listJobs(options: {
  db: D1Database;
  projectId: string;
  before: string | null;
  limit: number;
}): Promise<JobRow[]> {
  const { db, projectId, before, limit } = options;
  return database(db)
    .select()
    .from(jobs)
    .where(and(eq(jobs.projectId, projectId), before === null ? undefined : lt(jobs.id, before)))
    .orderBy(desc(jobs.id))
    .limit(limit);
}

/** Null where the project has no such job. */
export async function readJob(options: {
  db: D1Database;
  projectId: string;
  id: string;
}): Promise<JobRow | null> {
  const { db, projectId, id } = options;
  const [row] = await database(db)
    .select()
    .from(jobs)
    .where(and(eq(jobs.projectId, projectId), eq(jobs.id, id)));
  return row ?? null;
}
