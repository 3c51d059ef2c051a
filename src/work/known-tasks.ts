import { TaskMiner } from "../routing/task/task-miner.ts";
import type { TaskStore } from "./task-store.ts";
import type { RecognisedCall } from "./work.ts";

/** What a miner keeps of a project. */
const LIMITS = { templates: 512, keys: 8_192 };
/** New keys are written at most this often; milliseconds. What an eviction loses is found again by the next calls. */
const SAVE_EVERY_MS = 5_000;
const NOTE = "miner";
/** A row of the object's database takes 2 MB. Characters. */
const PART = 500_000;

/** The tasks that a project's calls were recognised as, kept across evictions. */
export class KnownTasks {
  readonly #store: TaskStore;
  readonly #miner: TaskMiner;
  #changed = false;
  #savedAt = 0;

  constructor(store: TaskStore) {
    this.#store = store;
    const options = {
      limits: LIMITS,
      moved: ({ from, to }: { from: string; to: string }) => this.#merge(from, to),
    };
    const saved = store.noteInParts(NOTE);
    this.#miner = saved === null ? new TaskMiner(options) : TaskMiner.fromState(JSON.parse(saved), options);
  }

  /** The task of a call. */
  assign({ key, group, skeleton }: RecognisedCall): string {
    const known = this.#miner.taskOf(key);
    if (known !== null) return known;
    this.#changed = true;
    return this.#miner.assign({ key, group, skeleton: Uint32Array.from(skeleton) });
  }

  /** What a task's calls may be recorded under: those that an isolate did not know the task of bear their own key. */
  namesOf(task: string): string[] {
    return [...new Set([task, ...this.#miner.keysOf(task)])];
  }

  /** A task on which evidence stands neither splits nor merges with another such. */
  keep(task: string, fixed: boolean): void {
    if (fixed) this.#miner.fix(task);
    else this.#miner.release(task);
    this.#changed = true;
  }

  save(now: number): void {
    if (!this.#changed || now - this.#savedAt < SAVE_EVERY_MS) return;
    this.#store.setNoteInParts(NOTE, JSON.stringify(this.#miner.toState()), PART);
    this.#changed = false;
    this.#savedAt = now;
  }

  /** Calls of a young task turned out to be another's: its count goes there, and it is none any more where nobody tried anything on it. */
  #merge(from: string, to: string): void {
    const task = this.#store.task(from);
    if (task === null || task.stage.mode !== "observe" || task.excluded || from === to) return;
    const other = this.#store.task(to);
    if (other === null) this.#store.put({ ...task, id: to, name: task.name === from ? to : task.name });
    else {
      this.#store.put({
        ...other,
        calls: other.calls + task.calls,
        firstSeenAt: Math.min(other.firstSeenAt, task.firstSeenAt),
        lastSeenAt: Math.max(other.lastSeenAt, task.lastSeenAt),
      });
    }
    this.#store.remove(from);
  }
}
