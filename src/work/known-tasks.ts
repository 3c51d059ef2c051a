import { TaskMiner } from "../routing/task/task-miner.ts";
import type { TaskAliases } from "./task-aliases.ts";
import type { TaskStore } from "./task-store.ts";
import type { RecognisedCall } from "./work.ts";

/** What a miner keeps of a project. */
const LIMITS = { templates: 512, keys: 8_192 };
/** New keys are written at most this often; milliseconds. What an eviction loses is found again by the next calls. */
const SAVE_EVERY_MS = 5_000;
const NOTE = "miner";
/** A row of the object's database takes 2 MB. Characters. */
const PART = 500_000;

/** The tasks that a project's calls are of, as they were recognised and as people decided, kept across evictions. */
export class KnownTasks {
  readonly #store: TaskStore;
  readonly #aliases: TaskAliases;
  readonly #miner: TaskMiner;
  #changed = false;
  #savedAt = 0;

  constructor(store: TaskStore, aliases: TaskAliases) {
    this.#store = store;
    this.#aliases = aliases;
    const options = {
      limits: LIMITS,
      moved: ({ from, to }: { from: string; to: string }) => this.#merge(from, to),
    };
    const saved = store.noteInParts(NOTE);
    this.#miner = saved === null ? new TaskMiner(options) : TaskMiner.fromState(JSON.parse(saved), options);
  }

  /** The task of a call that nobody named. A key that people split off is its own, whatever it looks like. */
  assign(call: RecognisedCall): string {
    return this.#aliases.of(call.key) ?? this.named(this.#recognised(call));
  }

  /** The task that a name stands for. */
  named(name: string): string {
    return this.#aliases.of(name) ?? name;
  }

  /** Whether a task goes by its prompts, and not by a name that callers gave it. */
  isRecognised(task: string): boolean {
    return this.#miner.taskOf(task) !== null;
  }

  #recognised({ key, group, skeleton }: RecognisedCall): string {
    const known = this.#miner.taskOf(key);
    if (known !== null) return known;
    this.#changed = true;
    return this.#miner.assign({ key, group, skeleton: Uint32Array.from(skeleton) });
  }

  /** What a task's calls may be recorded under: those that an isolate did not know the task of bear their own key. */
  namesOf(task: string): string[] {
    const own = [task, ...this.#aliases.namesOf(task)];
    const names = new Set(own.flatMap((name) => [name, ...this.#miner.keysOf(name)]));
    return [...names].filter((name) => this.#aliases.of(name) === null || this.named(name) === task);
  }

  /** People decided that one task is a part of another. */
  merge(from: string, into: string): void {
    this.#aliases.merge(from, into);
    for (const task of [from, into]) this.keep(task, true);
  }

  /** People decided that a name's calls are no part of the task that they were taken for. */
  split(name: string): void {
    this.#aliases.split(name);
  }

  /** A task on which evidence stands neither splits nor merges with another such. */
  keep(task: string, fixed: boolean): void {
    if (fixed || this.#aliases.namesOf(task).length > 0) this.#miner.fix(task);
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
  #merge(from: string, found: string): void {
    const task = this.#store.task(from);
    const to = this.named(found);
    // What people decided stays.
    if (this.#aliases.of(from) !== null) return;
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
