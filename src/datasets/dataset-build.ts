import { DurableObject } from "cloudflare:workers";
import { explain } from "../conversion/curation/left-out.ts";
import { databaseFailure } from "../db/failure.ts";
import type { Env } from "../env.ts";
import { retryDelayMs } from "../ledger/d1-errors.ts";
import { type BuildJob, buildStep } from "./build-step.ts";
import { addItems, type Ending, endDataset } from "./dataset-store.ts";
import { SeenPrompts } from "./seen-prompts.ts";

/** Steps of one alarm: an invocation may ask D1 a thousand times, and a step does some two hundred times. */
const STEPS_PER_ALARM = 4;
/** Failures of the same step in a row, with growing waits between them: half an hour. */
const MAX_FAILURES = 36;

const JOB = "job";

interface Kept extends BuildJob {
  failures: number;
}

/**
 * Makes one data set: an object of its own for each, named by the set's id. Step by step in its alarm, each step durable
 * before the next, so that a set of any size survives deploys, crashes and an outage of D1. It keeps nothing once the set
 * is made.
 */
export class DatasetBuild extends DurableObject<Env> {
  clock: () => number = Date.now;
  random: () => number = Math.random;

  /** Takes the job; durable when it resolves. */
  async submit(job: BuildJob): Promise<void> {
    await this.ctx.storage.put<Kept>(JOB, { ...job, failures: 0 });
    await this.ctx.storage.setAlarm(this.clock());
  }

  /** Forgets the job; the set itself is the caller's. */
  async cancel(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  override async alarm(): Promise<void> {
    for (let step = 0; step < STEPS_PER_ALARM; step++) {
      const job = await this.#job();
      if (job === undefined || !(await this.#advance(job))) return;
    }
    if ((await this.#job()) !== undefined) await this.ctx.storage.setAlarm(this.clock());
  }

  #job(): Promise<Kept | undefined> {
    return this.ctx.storage.get<Kept>(JOB);
  }

  /** One step. False where it failed; it is tried again later. */
  async #advance(job: Kept): Promise<boolean> {
    try {
      if (job.failures >= MAX_FAILURES) await this.#end(job, FAILED);
      else await this.#step(job);
      return true;
    } catch (thrown) {
      const failures = Math.min(job.failures + 1, MAX_FAILURES);
      const cause = String(databaseFailure(thrown));
      console.error(JSON.stringify({ event: "dataset_step_failed", dataset: job.id, failures, cause }));
      // Deleted meanwhile: nothing is left to be tried again.
      if ((await this.#job()) === undefined) return true;
      await this.ctx.storage.put<Kept>(JOB, { ...job, failures });
      await this.ctx.storage.setAlarm(this.clock() + retryDelayMs({ failures, random: this.random }));
      return false;
    }
  }

  async #step(kept: Kept): Promise<void> {
    const { failures: _failures, ...before } = kept;
    const seen = new SeenPrompts(this.ctx.storage.sql);
    const { job, items, done } = await buildStep({ env: this.env, job: before, seen });
    const { id, counts } = job;
    const goesOn = await addItems({ db: this.env.DB, id, items, counts });
    if (!goesOn) return this.cancel();
    if (done) return this.#end(job, counts.items > 0 ? READY : { state: "empty", message: whyEmpty(job) });
    // Deleted while the step was under way.
    if ((await this.#job()) !== undefined) await this.ctx.storage.put<Kept>(JOB, { ...job, failures: 0 });
  }

  async #end({ id, counts }: BuildJob, end: Omit<Ending, "at">): Promise<void> {
    await endDataset({ db: this.env.DB, id, counts, end: { ...end, at: this.clock() } });
    await this.cancel();
  }
}

const READY = { state: "ready", message: null } as const;
const FAILED = {
  state: "failed",
  message: "The log of calls could not be read for too long. Make the data set again.",
} as const;

function whyEmpty({ counts }: BuildJob): string {
  if (counts.lookedAt === 0) return "No recorded call fits what was asked for.";
  return `None of the ${counts.lookedAt} calls can be used: ${explain(counts.leftOut)}.`;
}
