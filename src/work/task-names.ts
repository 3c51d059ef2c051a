const SCHEMA = `
CREATE TABLE IF NOT EXISTS task_names (
  task_id TEXT PRIMARY KEY, name TEXT, counts TEXT NOT NULL, tried_at INTEGER NOT NULL) WITHOUT ROWID`;

/** A name that was found for a task, and how often its prompts say their words, by the words' hashes. */
export interface Suggested {
  name: string;
  counts: ReadonlyMap<number, number>;
}

/** A task for which none was found is looked at again after this; its calls may be readable by then. Milliseconds. */
const AGAIN_MS = 600_000;

/** Names that recognised tasks were given, until people give them theirs. */
export class TaskNames {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
  }

  /** By task. */
  all(): Map<string, string> {
    const rows = this.#sql
      .exec<{ task_id: string; name: string }>("SELECT task_id, name FROM task_names WHERE name IS NOT NULL")
      .toArray();
    return new Map(rows.map(({ task_id, name }) => [task_id, name]));
  }

  /** Whether a name is to be looked for now; if so, it is not for a while. */
  begin(taskId: string, now: number): boolean {
    const { rowsWritten } = this.#sql.exec(
      `INSERT INTO task_names (task_id, name, counts, tried_at) VALUES (?1, NULL, '[]', ?2)
       ON CONFLICT (task_id) DO UPDATE SET tried_at = ?2 WHERE name IS NULL AND tried_at <= ?2 - ${AGAIN_MS}`,
      taskId,
      now,
    );
    return rowsWritten > 0;
  }

  keep(taskId: string, { name, counts }: Suggested): void {
    this.#sql.exec(
      "UPDATE task_names SET name = ?2, counts = ?3 WHERE task_id = ?1",
      taskId,
      name,
      JSON.stringify([...counts]),
    );
  }

  /** What the other tasks were named. */
  others(taskId: string): Suggested[] {
    return this.#sql
      .exec<{ name: string; counts: string }>(
        "SELECT name, counts FROM task_names WHERE name IS NOT NULL AND task_id <> ? ORDER BY task_id",
        taskId,
      )
      .toArray()
      .map(({ name, counts }) => ({ name, counts: new Map(JSON.parse(counts) as [number, number][]) }));
  }

  forget(taskId: string): void {
    this.#sql.exec("DELETE FROM task_names WHERE task_id = ?", taskId);
  }
}
