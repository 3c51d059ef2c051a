import type { Said } from "../conversion/agreement.ts";
import type { Env } from "../env.ts";
import type { Settings } from "../settings.ts";
import type { AskOptions } from "./ask-cloud.ts";
import { nextTried } from "./choose-candidate.ts";
import { isFrozen, rewatched, withAudit } from "./draw-labels.ts";
import { relabelled } from "./run-feedback.ts";
import { runAudit, runShadow } from "./run-item.ts";
import { type JudgedPair, runJudge } from "./run-judge.ts";
import { openAnswer, sealAnswer } from "./sealed-answer.ts";
import type { Candidate, DrawOutcome, DrawRecord, Task } from "./task.ts";
import type { TaskStore } from "./task-store.ts";
import type { WorkItem, WorkQueue } from "./work-queue.ts";

interface Payload {
  taskId: string;
  callId: string;
  /** Whom it asks, once it has begun: another one at each try would favour those that answer at once. */
  candidate?: Candidate | null;
  /** Of an item that waits for the judge. */
  pair?: JudgedPair;
}

/** Feedback may overtake the record of the draw that it is about; after so many tries there is none. */
const FEEDBACK_TRIES = 4;
const FEEDBACK_WAIT_MS = 5_000;

/** The task that an item is about. */
export const taskOfItem = ({ payload }: WorkItem): string => (JSON.parse(payload) as Payload).taskId;

/** Does a project's work items: what is asked is asked outside, what comes of it is written in one step. */
export class ItemRunner {
  readonly #env: Env;
  readonly #store: TaskStore;
  readonly #queue: WorkQueue;
  readonly #transaction: (step: () => void) => void;

  constructor(options: {
    env: Env;
    store: TaskStore;
    queue: WorkQueue;
    transaction: (step: () => void) => void;
  }) {
    this.#env = options.env;
    this.#store = options.store;
    this.#queue = options.queue;
    this.#transaction = options.transaction;
  }

  /** Adds the work on a call; adding it again changes nothing. */
  add(options: {
    kind: DrawRecord["kind"] | "feedback";
    /** Sets repeated work on one call apart. */
    name?: string;
    taskId: string;
    callId: string;
    now: number;
  }): void {
    const { kind, name = "", taskId, callId, now } = options;
    this.#put(`${kind} ${callId}${name}`, kind, { taskId, callId }, now);
  }

  async run(item: WorkItem, asking: Omit<AskOptions, "env">): Promise<void> {
    const options = { ...asking, env: this.#env };
    try {
      if (item.kind === "judge") await this.#judge(item, options);
      else if (item.kind === "feedback") await this.#feedback(item, options);
      else await this.#draw(item, options);
    } catch (cause) {
      console.error(JSON.stringify({ event: "work_item_failed", kind: item.kind, cause: String(cause) }));
      this.#queue.retry(item.id, options.now() + 60_000);
    }
  }

  #put(id: string, kind: string, payload: Payload, now: number): void {
    const lost = this.#queue.add([{ id, kind, payload: JSON.stringify(payload) }], now);
    if (lost.length > 0) console.warn(JSON.stringify({ event: "work_queue_full", lost: lost.length }));
  }

  /** A shadow or an audit call. */
  async #draw(item: WorkItem, options: AskOptions): Promise<void> {
    const payload = JSON.parse(item.payload) as Payload;
    const { taskId, callId } = payload;
    const task = this.#store.task(taskId);
    if (task === null) return this.#queue.done(item.id);
    const candidate = payload.candidate ?? this.#tried(task);
    const asked = { ...options, callId, tries: item.tries, addedAt: item.addedAt };
    const settled =
      item.kind === "audit"
        ? await runAudit({ ...asked, task })
        : await runShadow({ ...asked, task: { ...task, candidate } });
    if ("retryAt" in settled)
      return this.#queue.retry(item.id, settled.retryAt, JSON.stringify({ ...payload, candidate }));
    const { outcome, unseen } = settled;
    const sealed = unseen === null ? null : await this.#seal(callId, unseen, options.projectId);
    const pair = pairOf(item.kind === "audit" ? "audit" : "shadow", outcome, options.settings);
    const now = options.now();
    this.#transaction(() => {
      this.#queue.done(item.id);
      if (sealed !== null) this.#store.keepUnseen(callId, sealed);
      if (pair === null || sealed === null) this.#settle(taskId, callId, outcome, now);
      else this.#put(`judge ${callId}`, "judge", { taskId, callId, pair }, now);
    });
  }

  #tried(task: Task): Candidate | null {
    if ((task.candidates?.length ?? 0) < 2) return task.candidate;
    return nextTried({ task, draws: this.#store.draws(task.id), random: Math.random });
  }

  async #judge(item: WorkItem, options: AskOptions): Promise<void> {
    const payload = JSON.parse(item.payload) as Payload;
    const { taskId, callId, pair } = payload;
    if (pair === undefined || this.#store.task(taskId) === null) return this.#queue.done(item.id);
    const sealed = this.#store.unseen(callId);
    const { projectId } = options;
    const unseen = sealed && (await openAnswer({ env: this.#env, projectId, callId, sealed }));
    const judged = await runJudge({ ...options, callId, pair, unseen, tries: item.tries });
    if ("retryAt" in judged) {
      const left = JSON.stringify({ ...payload, pair: judged.pair });
      return this.#queue.retry(item.id, judged.retryAt, left);
    }
    this.#transaction(() => {
      this.#queue.done(item.id);
      this.#settle(taskId, callId, judged.outcome, options.now());
    });
  }

  async #feedback(item: WorkItem, options: AskOptions): Promise<void> {
    const { callId } = JSON.parse(item.payload) as Payload;
    const { projectId, settings } = options;
    const draw = this.#store.drawOf(callId);
    if (draw === null) {
      if (item.tries >= FEEDBACK_TRIES) return this.#queue.done(item.id);
      return this.#queue.retry(item.id, options.now() + FEEDBACK_WAIT_MS);
    }
    const { outcome } = draw;
    if (outcome === null) {
      const pending = { at: item.addedAt, state: "pending", score: null, corrected: false, ofRun: false };
      this.#store.putDraw({ ...draw, feedback: pending as DrawRecord["feedback"] });
      return this.#queue.done(item.id);
    }
    const sealed = this.#store.unseen(callId);
    const found = await relabelled({
      env: this.#env,
      projectId,
      draw: { ...draw, outcome },
      sealed,
      settings,
    });
    this.#transaction(() => {
      this.#queue.done(item.id);
      if (found !== null) this.#relabel(draw, found);
    });
  }

  #relabel({ taskId, callId }: DrawRecord, found: NonNullable<Awaited<ReturnType<typeof relabelled>>>): void {
    const draw = this.#store.drawOf(callId);
    const task = this.#store.task(taskId);
    if (draw === null || task === null) return;
    if (isFrozen({ draw, task, history: this.#store.history(taskId) })) {
      this.#store.putDraw({ ...draw, feedback: { ...found.feedback, state: "frozen" } });
      return;
    }
    this.#store.putDraw({ ...draw, outcome: found.outcome, feedback: found.feedback });
    if (draw.kind === "audit") this.#store.put(rewatched(task, this.#store.draws(taskId)));
  }

  #settle(taskId: string, callId: string, outcome: DrawOutcome, now: number): void {
    const record = this.#store.settle(taskId, callId, outcome);
    if (record === null) return;
    const task = this.#store.task(taskId);
    if (record.kind === "audit" && task !== null) this.#store.put(withAudit(task, outcome));
    if (record.feedback?.state === "pending")
      this.add({ kind: "feedback", name: ` ${now}`, taskId, callId, now });
  }

  #seal(callId: string, answer: Said, projectId: string) {
    return sealAnswer({ env: this.#env, projectId, callId, answer });
  }
}

/** What waits for a judge: prose that would be released and that only a judge can compare, where there is one. */
function pairOf(kind: DrawRecord["kind"], outcome: DrawOutcome, settings: Settings): JudgedPair | null {
  if (settings.conversion.judge === null) return null;
  const isOpen = outcome.by === "prose" && outcome.answer.kind === "scored";
  return isOpen ? { kind, outcome, words: {}, costUsd: 0 } : null;
}
