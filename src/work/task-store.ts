import type { Agreement } from "../conversion/agreement.ts";
import type { Stage } from "../conversion/modes.ts";
import type { CertificationWindow } from "../routing/guarantee/certification-window.ts";
import type { Answer, Label, ScoreBasis } from "../routing/guarantee/drawn-outcome.ts";
import type { DriftDetector } from "../routing/guarantee/drift-detector.ts";
import type { Certification } from "../routing/guarantee/learn-then-test.ts";
import type { Lottery } from "../routing/guarantee/lottery.ts";

/** A recurring kind of call, and how far its conversion has come. Plain data; times are milliseconds since the epoch. */
export interface Task {
  /** The name that callers gave it in `x-routelet-task`, else the key of its first call. */
  id: string;
  /** What people read. */
  name: string;
  stage: Stage;
  stageSince: number;
  excluded: boolean;
  /** People read its answers as they arrive: it is only observed. */
  human: boolean;
  /** A person agreed to its next certificate's being used. */
  approved: boolean;
  firstSeenAt: number;
  lastSeenAt: number;
  /** Calls that isolates have told of. */
  calls: number;
  /** Which of its calls are looked at now; null while none are. */
  lottery: Lottery | null;
  /** The small model that is tried on it, and what it is made of; null until one serves. */
  candidate: { model: string; fingerprint: string; weights: string | null } | null;
  /** Attempts at certifying any candidate so far. */
  attempts: number;
  window: CertificationWindow | null;
  /** Of the window that was certified last; what serves goes by its threshold. */
  certification: Certification | null;
  detector: DriftDetector | null;
  /** Audited calls since this stage began. */
  audits: number;
}

/** A call that was drawn, and what has become of it. */
export interface DrawRecord {
  callId: string;
  taskId: string;
  kind: "shadow" | "audit";
  lotteryId: string;
  share: number;
  splitKey: string;
  at: number;
  /** Null until it is settled. */
  outcome: DrawOutcome | null;
}

export interface DrawOutcome {
  candidate: string;
  fingerprint: string;
  basis: ScoreBasis;
  answer: Answer;
  label: Label;
  by: Agreement["by"] | null;
  /** Codes of what the hard checks found, and paths at which the answers differ: names of fields, no values. */
  findings: string[];
  latencyMs: number | null;
  slmTokens: { input: number; output: number } | null;
  referenceTokens: { input: number; cached: number; output: number } | null;
  /** What asking the reference for an audit cost, in US dollars; null for unknown, absent where it was not asked. */
  auditCostUsd?: number | null;
}

/** A move between stages, for whoever asks why. */
export interface HistoryEntry {
  at: number;
  taskId: string;
  from: Stage;
  to: Stage;
  because: string;
  certification: Certification | null;
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS tasks (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS draws (
  task_id TEXT NOT NULL,
  call_id TEXT NOT NULL,
  lottery_id TEXT NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (task_id, call_id)
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
    this.#sql.exec(
      "UPDATE draws SET record = ? WHERE task_id = ? AND call_id = ?",
      JSON.stringify(settled),
      taskId,
      callId,
    );
    return settled;
  }

  /** A task's draws, of one lottery or of all, in the order of their calls. */
  draws(taskId: string, lotteryId?: string): DrawRecord[] {
    return lotteryId === undefined
      ? this.#draws("WHERE task_id = ? ORDER BY call_id", taskId)
      : this.#draws("WHERE task_id = ? AND lottery_id = ? ORDER BY call_id", taskId, lotteryId);
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
