import type { EncryptedBody } from "../security/encryption.ts";
import type { DrawOutcome, DrawRecord, HistoryEntry, Task } from "./task.ts";

const SCHEMA = `
CREATE TABLE IF NOT EXISTS tasks (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS draws (
  task_id TEXT NOT NULL,
  call_id TEXT NOT NULL,
  lottery_id TEXT NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (task_id, call_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS draws_by_call ON draws (call_id);
CREATE INDEX IF NOT EXISTS draws_by_run ON draws (json_extract(record, '$.splitKey'));
CREATE TABLE IF NOT EXISTS unseen_answers (
  call_id TEXT PRIMARY KEY,
  key_id TEXT NOT NULL,
  iv BLOB NOT NULL,
  ciphertext BLOB NOT NULL,
  compression TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, entry TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID`;

/** The rows of a project's `Work` object. Every method is one synchronous step, hence atomic within the object. */
export class TaskStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    for (const statement of SCHEMA.split(";")) sql.exec(statement);
  }

  tasks(): Task[] {
    return this.#sql
      .exec<{ record: string }>("SELECT record FROM tasks ORDER BY id")
      .toArray()
      .map(({ record }) => JSON.parse(record) as Task);
  }

  get count(): number {
    return this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM tasks").one().n;
  }

  task(id: string): Task | null {
    const [row] = this.#sql.exec<{ record: string }>("SELECT record FROM tasks WHERE id = ?", id).toArray();
    return row === undefined ? null : (JSON.parse(row.record) as Task);
  }

  put(task: Task): void {
    this.#sql.exec(
      "INSERT INTO tasks (id, record) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record",
      task.id,
      JSON.stringify(task),
    );
  }

  remove(id: string): void {
    this.#sql.exec("DELETE FROM tasks WHERE id = ?", id);
    this.#sql.exec("DELETE FROM history WHERE task_id = ?", id);
    this.forgetDraws(id);
  }

  /** Forgets what a task's draws have shown: they were of other calls than those that it has now. */
  forgetDraws(id: string): void {
    this.#sql.exec(
      "DELETE FROM unseen_answers WHERE call_id IN (SELECT call_id FROM draws WHERE task_id = ?)",
      id,
    );
    this.#sql.exec("DELETE FROM draws WHERE task_id = ?", id);
  }

  /** False where it was there already: a draw counts once. */
  addDraw(draw: DrawRecord): boolean {
    const { rowsWritten } = this.#sql.exec(
      "INSERT INTO draws (task_id, call_id, lottery_id, record) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
      draw.taskId,
      draw.callId,
      draw.lotteryId,
      JSON.stringify(draw),
    );
    return rowsWritten > 0;
  }

  settle(taskId: string, callId: string, outcome: DrawOutcome): DrawRecord | null {
    const draw = this.#draws("WHERE task_id = ? AND call_id = ?", taskId, callId)[0];
    // Settled before: work is done again when its process died behind its last step.
    if (draw === undefined || draw.outcome !== null) return null;
    const settled = { ...draw, outcome };
    this.putDraw(settled);
    return settled;
  }

  /** Writes a draw anew that is there. */
  putDraw(draw: DrawRecord): void {
    this.#sql.exec(
      "UPDATE draws SET record = ? WHERE task_id = ? AND call_id = ?",
      JSON.stringify(draw),
      draw.taskId,
      draw.callId,
    );
  }

  /** A call's draw; null for one that was not drawn. */
  drawOf(callId: string): DrawRecord | null {
    return this.#draws("WHERE call_id = ?", callId)[0] ?? null;
  }

  /** Draws whose side hangs on this key: those of one session. */
  drawsOfRun(splitKey: string): DrawRecord[] {
    return this.#draws("WHERE json_extract(record, '$.splitKey') = ? ORDER BY call_id", splitKey);
  }

  /** Keeps the answer to a drawn call that nobody was given, encrypted. */
  keepUnseen(callId: string, { keyId, iv, ciphertext, compression }: EncryptedBody): void {
    this.#sql.exec(
      "INSERT INTO unseen_answers (call_id, key_id, iv, ciphertext, compression) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      callId,
      keyId,
      iv,
      ciphertext,
      compression,
    );
  }

  unseen(callId: string): EncryptedBody | null {
    const [row] = this.#sql
      .exec<{ key_id: string; iv: ArrayBuffer; ciphertext: ArrayBuffer; compression: string }>(
        "SELECT * FROM unseen_answers WHERE call_id = ?",
        callId,
      )
      .toArray();
    if (row === undefined) return null;
    return {
      keyId: row.key_id,
      iv: new Uint8Array(row.iv),
      ciphertext: new Uint8Array(row.ciphertext),
      compression: row.compression === "gzip" ? "gzip" : "none",
    };
  }

  /** Forgets the unseen answers of a lottery, whose labels stand. */
  forgetUnseen(taskId: string, lotteryId: string): void {
    this.#sql.exec(
      "DELETE FROM unseen_answers WHERE call_id IN (SELECT call_id FROM draws WHERE task_id = ? AND lottery_id = ?)",
      taskId,
      lotteryId,
    );
  }

  /** Forgets those of calls before this id. */
  forgetUnseenBefore(callId: string): void {
    this.#sql.exec("DELETE FROM unseen_answers WHERE call_id < ?", callId);
  }

  /** A task's draws, in the order of their calls. */
  draws(taskId: string): DrawRecord[] {
    return this.#draws("WHERE task_id = ? ORDER BY call_id", taskId);
  }

  /** How many draws a task has. */
  drawn(taskId: string): number {
    return this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM draws WHERE task_id = ?", taskId).one().n;
  }

  addHistory(entry: HistoryEntry): void {
    this.#sql.exec("INSERT INTO history (task_id, entry) VALUES (?, ?)", entry.taskId, JSON.stringify(entry));
  }

  /** Oldest first. */
  history(taskId: string): HistoryEntry[] {
    return this.#sql
      .exec<{ entry: string }>("SELECT entry FROM history WHERE task_id = ? ORDER BY id", taskId)
      .toArray()
      .map(({ entry }) => JSON.parse(entry) as HistoryEntry);
  }

  note(name: string): string | null {
    const [row] = this.#sql.exec<{ value: string }>("SELECT value FROM notes WHERE name = ?", name).toArray();
    return row?.value ?? null;
  }

  setNote(name: string, value: string): void {
    this.#sql.exec(
      "INSERT INTO notes (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      name,
      value,
    );
  }

  /** A note that is longer than a row takes. */
  noteInParts(name: string): string | null {
    const parts: string[] = [];
    for (let part = this.note(`${name} 0`); part !== null; part = this.note(`${name} ${parts.length}`))
      parts.push(part);
    return parts.length === 0 ? null : parts.join("");
  }

  setNoteInParts(name: string, value: string, size: number): void {
    const parts = Math.ceil(value.length / size);
    for (let part = 0; part < parts; part++)
      this.setNote(`${name} ${part}`, value.slice(part * size, (part + 1) * size));
    this.#sql.exec("DELETE FROM notes WHERE name = ?", `${name} ${parts}`);
  }

  #draws(where: string, ...values: string[]): DrawRecord[] {
    return this.#sql
      .exec<{ record: string }>(`SELECT record FROM draws ${where}`, ...values)
      .toArray()
      .map(({ record }) => JSON.parse(record) as DrawRecord);
  }
}
