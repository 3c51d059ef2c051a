import type { Env } from "../env.ts";
import { RecentMap } from "../recent-map.ts";
import type { TaskView } from "./task-view.ts";
import type { ObservedCall } from "./work.ts";

type WorkEnv = Pick<Env, "WORK">;

/** A task's view this old is asked for again, behind a response; milliseconds. */
const FRESH_MS = 5_000;
/** Calls wait this long for others of their project: one message for all of them. */
const GATHER_MS = 20;
/** What one message carries at most; beyond this, calls of known tasks that nobody looks at are only counted. */
const MAX_MESSAGE = 500;
/** Beyond this many tasks the one that was asked for longest ago is forgotten. */
const MAX_VIEWS = 4_096;

interface Entry {
  view: TaskView;
  readAt: number;
  /** Calls that the object has not been told of. */
  untold: number;
}

/** What an isolate knows of tasks, and what it tells of their calls. */
export class TaskBook {
  readonly #views = new RecentMap<Entry>(MAX_VIEWS);
  readonly #waiting = new Map<string, ObservedCall[]>();

  /**
   * What this isolate knows of a task, by its name or by a call's key; null where it has not heard of it. It asks nobody: the
   * first call of a task in each isolate is the reference's, and what is told of it brings the answer.
   */
  view(projectId: string, task: string): TaskView | null {
    return this.#views.get(keyOf(projectId, task))?.view ?? null;
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
      const fresh = now() - entry.readAt < FRESH_MS;
      if (fresh && !options.drawn(entry.view)) return;
    }
    const waiting = this.#waiting.get(projectId) ?? [];
    if (waiting.length >= MAX_MESSAGE) return;
    waiting.push({ ...call, count: entry?.untold ?? 1 });
    if (entry !== undefined) {
      entry.untold = 0;
      // Asked for now: those that come meanwhile need not ask again.
      entry.readAt = now();
    }
    if (waiting.length > 1) return;
    this.#waiting.set(projectId, waiting);
    waitUntil(scheduler.wait(GATHER_MS).then(() => this.#tell(env, projectId, now)));
  }

  async #tell(env: WorkEnv, projectId: string, now: () => number): Promise<void> {
    const calls = this.#waiting.get(projectId) ?? [];
    this.#waiting.delete(projectId);
    const views = await env.WORK.getByName(projectId).observe(projectId, calls).catch(unreachable);
    for (const [index, call] of calls.entries()) {
      const view = views?.[index] ?? null;
      if (view !== null) this.#learn(keyOf(projectId, nameOf(call)), view, now());
    }
  }

  #learn(key: string, view: TaskView, at: number): void {
    const untold = this.#views.get(key)?.untold ?? 0;
    this.#views.set(key, { view, readAt: at, untold });
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

/** This isolate's. */
export const taskBook = new TaskBook();
