const SCHEMA = `
CREATE TABLE IF NOT EXISTS aliases (name TEXT PRIMARY KEY, task_id TEXT NOT NULL) WITHOUT ROWID`;

/**
 * What people decided about which calls are one task: names (given ones, and keys of recognised prompts) that stand for a
 * task. A name that stands for itself was split off, and is joined with nothing by itself any more.
 */
export class TaskAliases {
  readonly #sql: SqlStorage;
  /** Every call asks; there are few. */
  readonly #known = new Map<string, string>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
    const rows = sql.exec<{ name: string; task_id: string }>("SELECT name, task_id FROM aliases").toArray();
    for (const { name, task_id } of rows) this.#known.set(name, task_id);
  }

  /** The task that a name was decided to stand for; null where nobody decided anything. */
  of(name: string): string | null {
    return this.#known.get(name) ?? null;
  }

  /** The names that were decided to stand for a task, itself not among them. */
  namesOf(taskId: string): string[] {
    return [...this.#known].flatMap(([name, task]) => (task === taskId && name !== taskId ? name : []));
  }

  /** From now on a task's name, and all that stood for it, stand for another task. */
  merge(from: string, into: string): void {
    for (const [name, task] of [...this.#known]) if (task === from) this.#set(name, into);
    this.#set(from, into);
  }

  /** From now on a name stands for itself. */
  split(name: string): void {
    this.#set(name, name);
  }

  #set(name: string, taskId: string): void {
    this.#sql.exec(
      "INSERT INTO aliases (name, task_id) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET task_id = excluded.task_id",
      name,
      taskId,
    );
    this.#known.set(name, taskId);
  }
}
