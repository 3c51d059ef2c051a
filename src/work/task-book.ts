import { settledWithin } from "../calls/settled-within.ts";
import type { Env } from "../env.ts";
import { RecentMap } from "../recent-map.ts";
import type { TaskView } from "./task-view.ts";
import type { ObservedCall } from "./work.ts";

type WorkEnv = Pick<Env, "WORK">;

/** A task's view this old is asked for again, behind a response; milliseconds. */
const FRESH_MS = 5_000;
/** By a view older than this nothing is served: the task may have been taken back since. */
const SERVES_MS = 60_000;
/** Calls wait this long for others of their project: one message for all of them. */
const GATHER_MS = 20;
/** What one message carries at most. */
const MAX_MESSAGE = 500;
/** Calls that could not be told yet, of all projects; what is beyond is lost, counted and logged. */
export const MAX_UNTOLD = 10_000;
/** A message that is not answered by then was not heard, and is told again after these waits; then with the project's next call. */
const ANSWER_MS = 5_000;
const AGAIN_MS = [1_000, 5_000];
/** Beyond this many tasks the one that was asked for longest ago is forgotten. */
const MAX_VIEWS = 4_096;

interface Entry {
  view: TaskView;
  /** When the message was sent that it answered. */
  readAt: number;
  /** When it was last asked for. */
  askedAt: number;
  /** Calls that the object has not been told of. */
  untold: number;
}

/** What an isolate knows of tasks, and what it tells of their calls. */
export class TaskBook {
  readonly #views = new RecentMap<Entry>(MAX_VIEWS);
  /** By project; in the order in which they ended. */
  readonly #waiting = new Map<string, ObservedCall[]>();
  readonly #gathering = new Set<string>();
  #untold = 0;
  #lost = 0;

  /**
   * What this isolate knows of a task, by its name or by a call's key; null where it has not heard of it. It asks nobody: the
   * first call of a task in each isolate is the reference's, and so is the first after a minute without word of it; what
   * is told of that call brings the answer.
   */
  view(options: { projectId: string; task: string; now: number }): TaskView | null {
    const { projectId, task, now } = options;
    const entry = this.#views.get(keyOf(projectId, task));
    if (entry === undefined) return null;
    return now - entry.readAt <= SERVES_MS ? entry.view : { ...entry.view, serving: null };
  }

  /** Tells of a call that ended, behind its response. */
  observe(options: {
    env: WorkEnv;
    projectId: string;
    call: Omit<ObservedCall, "count">;
    /** Whether its task's lottery drew it. */
    drawn: (view: TaskView) => boolean;
    waitUntil: (work: Promise<unknown>) => void;
    now: () => number;
  }): void {
    const { env, projectId, call, waitUntil, now } = options;
    const entry = this.#views.get(keyOf(projectId, nameOf(call)));
    if (entry !== undefined) {
      entry.untold += 1;
      const fresh = now() - entry.askedAt < FRESH_MS;
      if (fresh && !options.drawn(entry.view)) return;
    }
    if (this.#untold >= MAX_UNTOLD) this.#lost += 1;
    else {
      this.#keep(projectId, [{ ...call, count: entry?.untold ?? 1 }], "behind");
      if (entry !== undefined) {
        entry.untold = 0;
        // Asked for now: those that come meanwhile need not ask again.
        entry.askedAt = now();
      }
    }
    if (this.#gathering.has(projectId)) return;
    this.#gathering.add(projectId);
    waitUntil(scheduler.wait(GATHER_MS).then(() => this.#tell(env, projectId, now)));
  }

  async #tell(env: WorkEnv, projectId: string, now: () => number): Promise<void> {
    this.#gathering.delete(projectId);
    for (const wait of [...AGAIN_MS, null]) {
      if (await this.#tellAll(env, projectId, now)) return;
      if (wait !== null) await scheduler.wait(wait);
    }
  }

  /** Tells of all calls that wait; false once a message was not heard: its calls wait again, in front. */
  async #tellAll(env: WorkEnv, projectId: string, now: () => number): Promise<boolean> {
    for (let calls = this.#take(projectId); calls.length > 0; calls = this.#take(projectId)) {
      const at = now();
      const views = await told(env, projectId, calls);
      if (views === null) {
        this.#keep(projectId, calls, "in front");
        return false;
      }
      for (const [index, call] of calls.entries()) {
        const view = views[index] ?? null;
        if (view !== null) this.#learn(keyOf(projectId, nameOf(call)), view, at);
      }
    }
    if (this.#lost > 0) console.error(JSON.stringify({ event: "task_calls_lost", lost: this.#lost }));
    this.#lost = 0;
    return true;
  }

  #keep(projectId: string, calls: readonly ObservedCall[], where: "behind" | "in front"): void {
    const waiting = this.#waiting.get(projectId) ?? [];
    if (where === "behind") waiting.push(...calls);
    else waiting.unshift(...calls);
    this.#waiting.set(projectId, waiting);
    this.#untold += calls.length;
  }

  #take(projectId: string): ObservedCall[] {
    const waiting = this.#waiting.get(projectId) ?? [];
    const taken = waiting.splice(0, MAX_MESSAGE);
    if (waiting.length === 0) this.#waiting.delete(projectId);
    this.#untold -= taken.length;
    return taken;
  }

  #learn(key: string, view: TaskView, at: number): void {
    const known = this.#views.get(key);
    // Messages may be answered out of order: an older word takes nothing back.
    if (known !== undefined && known.readAt > at) return;
    const askedAt = Math.max(known?.askedAt ?? 0, at);
    this.#views.set(key, { view, readAt: at, askedAt, untold: known?.untold ?? 0 });
  }
}

const keyOf = (projectId: string, task: string): string => `${projectId} ${task}`;

/** What a call's task is known by in an isolate. */
export function nameOf({ task }: Pick<ObservedCall, "task">): string {
  return "name" in task ? task.name : task.key;
}

/** Tasks are a matter behind the calls: without them every call still has its answer. */
function unreachable(cause: unknown): null {
  console.warn(JSON.stringify({ event: "tasks_unreachable", cause: String(cause) }));
  return null;
}

/** What the object says to these calls; null where it could not be reached. Telling of a call twice changes only its count. */
async function told(env: WorkEnv, projectId: string, calls: readonly ObservedCall[]) {
  const answer = Promise.resolve(env.WORK.getByName(projectId).observe(projectId, calls)).catch(unreachable);
  if (await settledWithin(answer, ANSWER_MS)) return answer;
  return unreachable(`no answer within ${ANSWER_MS} ms`);
}

/** This isolate's. */
export const taskBook = new TaskBook();
