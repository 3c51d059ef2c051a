import { DurableObject } from "cloudflare:workers";
import { type AnsweredItem, itemsOf, NO_ITEMS, withItem } from "../conversion/evaluation.ts";
import { itemSizes, readItems } from "../datasets/dataset-store.ts";
import type { Example } from "../datasets/example.ts";
import { openItem } from "../datasets/item.ts";
import { databaseFailure } from "../db/failure.ts";
import type { DatasetItemRow, JobState } from "../db/schema.ts";
import type { Env } from "../env.ts";
import { retryDelayMs } from "../ledger/d1-errors.ts";
import { servingNode } from "../work/find-candidate.ts";
import { evaluateItem } from "./evaluate-item.ts";
import { type EvaluationSpec, type JobEvent, type JobProgress, putProgress } from "./job-store.ts";

/** How long one alarm goes on asking before it writes down how far it is; milliseconds. */
const ROUND_MS = 5_000;
/** A model that no node serves is waited for this long. */
const NODE_WAIT_MS = 24 * 3_600_000;
/** An item that a node is too busy for is tried this often; then it counts as failed. */
const MAX_TRIES = 20;
/** D1 may be away for half an hour. */
const MAX_FAILURES = 36;
const MAX_EVENTS = 50;
const JOB = "job";

/** A job as its object keeps it, durable after each item. */
interface Kept extends JobProgress {
  id: string;
  projectId: string;
  spec: EvaluationSpec;
  /** The last item that is done. */
  after: string;
  tries: number;
  failures: number;
  /** Since when no node serves the model; null while one does. */
  waitingSince: number | null;
  startedAt: number | null;
  events: JobEvent[];
}

/** What is next: at once, later, or nothing more. */
type Next = { at: number } | { end: Extract<JobState, "succeeded" | "failed"> };

/**
 * Runs one job: an object of its own for each, named by the job's id, which survives deploys, crashes and nodes that go: item
 * by item in its alarm, each durable before the next. Nodes answer it behind every call.
 */
export class JobRun extends DurableObject<Env> {
  clock: () => number = Date.now;
  random: () => number = Math.random;

  /** Takes the job; durable when it resolves. */
  async submit(job: Pick<Kept, "id" | "projectId" | "spec" | "total" | "events">): Promise<void> {
    await this.ctx.storage.put<Kept>(JOB, {
      ...job,
      tally: NO_ITEMS,
      after: "",
      tries: 0,
      failures: 0,
      waitingSince: null,
      startedAt: null,
    });
    await this.ctx.storage.setAlarm(this.clock());
  }

  /** Forgets the job; its row is the caller's. */
  async cancel(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  override async alarm(): Promise<void> {
    const job = await this.#job();
    if (job === undefined) return;
    try {
      const next = await this.#round(job);
      const goesOn = await this.#write(job, next);
      if (!goesOn || "end" in next) return await this.cancel();
      await this.ctx.storage.put<Kept>(JOB, job);
      await this.ctx.storage.setAlarm(next.at);
    } catch (thrown) {
      await this.#failed(job, thrown);
    }
  }

  #job(): Promise<Kept | undefined> {
    return this.ctx.storage.get<Kept>(JOB);
  }

  /** Items until the round's time is over or nobody answers. Changes `job` as it goes. */
  async #round(job: Kept): Promise<Next> {
    const until = this.clock() + ROUND_MS;
    const { projectId, spec } = job;
    const nodeId = await servingNode({ env: this.env, projectId, candidate: spec.candidate });
    if (nodeId === null) return this.#waits(job);
    if (job.waitingSince !== null) note(job, this.clock(), "A node serves the model again.");
    job.waitingSince = null;
    job.startedAt ??= this.clock();
    const inContext = await this.#inContext(job);
    for (;;) {
      if (itemsOf(job.tally) >= job.total) return { end: "succeeded" };
      const row = await this.#next(job);
      if (row === null) {
        note(job, this.clock(), "The data set was deleted.");
        return { end: "failed" };
      }
      const item = await this.#ask({ job, row, nodeId, inContext });
      if ("retry" in item && job.tries < MAX_TRIES) {
        job.tries += 1;
        return { at: this.clock() + retryDelayMs({ failures: job.tries, random: this.random }) };
      }
      if ("retry" in item) note(job, this.clock(), `Item ${row.itemId} was given up: ${item.retry}.`);
      job.tally = withItem(job.tally, "retry" in item ? FAILED : item);
      job.after = row.itemId;
      job.tries = 0;
      job.failures = 0;
      // Cancelled meanwhile: nothing is written any more.
      if ((await this.#job()) === undefined) return { end: "failed" };
      await this.ctx.storage.put<Kept>(JOB, job);
      if (this.clock() >= until) return { at: this.clock() };
    }
  }

  #waits(job: Kept): Next {
    const now = this.clock();
    const { model } = job.spec.candidate;
    if (job.waitingSince === null) note(job, now, `No node serves ${model} as it was when the job was made.`);
    job.waitingSince ??= now;
    if (now - job.waitingSince < NODE_WAIT_MS) return { at: now + 30_000 };
    note(job, now, "Given up: no node served the model for a day.");
    return { end: "failed" };
  }

  async #next({ projectId, spec, after }: Kept): Promise<DatasetItemRow | null> {
    const query = { db: this.env.DB, projectId, datasetId: spec.datasetId, nodesOnly: true };
    const [size] = await itemSizes({ ...query, after, limit: 1 });
    if (size === undefined) return null;
    const [row] = await readItems({ ...query, after, upTo: size.id });
    return row ?? null;
  }

  async #inContext({ projectId, spec: { inContext } }: Kept): Promise<Example[]> {
    if (inContext === null) return [];
    const { datasetId, count } = inContext;
    const query = { db: this.env.DB, projectId, datasetId, nodesOnly: true };
    const last = (await itemSizes({ ...query, after: "", limit: count })).at(-1);
    const rows = last === undefined ? [] : await readItems({ ...query, after: "", upTo: last.id });
    const opened = await Promise.all(rows.map((row) => openItem(this.env, row)));
    return opened.flatMap((each) => ("example" in each ? each.example : []));
  }

  async #ask(options: {
    job: Kept;
    row: DatasetItemRow;
    nodeId: string;
    inContext: readonly Example[];
  }): Promise<AnsweredItem | { retry: string }> {
    const { job, row, nodeId, inContext } = options;
    const opened = await openItem(this.env, row);
    if ("failed" in opened) return { outcome: "unreadable", latencyMs: null, tokens: null };
    return evaluateItem({
      env: this.env,
      projectId: job.projectId,
      nodeId,
      model: job.spec.candidate.model,
      example: opened.example,
      inContext,
      now: this.clock,
    });
  }

  async #write(job: Kept, next: Next): Promise<boolean> {
    const ended = "end" in next;
    const { id, total, tally, startedAt, events } = job;
    return putProgress({
      db: this.env.DB,
      id,
      state: ended ? next.end : startedAt === null ? "queued" : "running",
      progress: { total, tally },
      events,
      startedAt,
      endedAt: ended ? this.clock() : null,
    });
  }

  /** D1 is away, or the job is broken: it is tried again, and given up in the end. */
  async #failed(job: Kept, thrown: unknown): Promise<void> {
    const failures = job.failures + 1;
    console.error(
      JSON.stringify({ event: "job_failed", job: job.id, failures, cause: String(databaseFailure(thrown)) }),
    );
    const kept = await this.#job();
    if (kept === undefined) return;
    if (failures < MAX_FAILURES) {
      await this.ctx.storage.put<Kept>(JOB, { ...kept, failures });
      await this.ctx.storage.setAlarm(this.clock() + retryDelayMs({ failures, random: this.random }));
      return;
    }
    note(kept, this.clock(), "Given up: the data set could not be read for too long.");
    await this.#write(kept, { end: "failed" });
    await this.cancel();
  }
}

const FAILED: AnsweredItem = { outcome: "failed", latencyMs: null, tokens: null };

function note(job: Kept, at: number, message: string): void {
  job.events = [...job.events, { at, message }].slice(-MAX_EVENTS);
}
