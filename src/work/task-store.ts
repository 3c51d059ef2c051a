import type { Agreement } from "../conversion/agreement.ts";
import type { Obstacle, Stage } from "../conversion/modes.ts";
import type { CertificationWindow } from "../routing/guarantee/certification-window.ts";
import type { Answer, Label, ScoreBasis } from "../routing/guarantee/drawn-outcome.ts";
import type { DriftDetector } from "../routing/guarantee/drift-detector.ts";
import type { Certification } from "../routing/guarantee/learn-then-test.ts";
import type { Lottery } from "../routing/guarantee/lottery.ts";
import type { EncryptedBody } from "../security/encryption.ts";

/** A small model and all that decides its answers. `weights`: SHA-256 of their file; null where the engine does not tell. */
export interface Candidate {
  model: string;
  fingerprint: string;
  weights: string | null;
}

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
  /** The small model that would answer it; null until one serves. */
  candidate: Candidate | null;
  /** Those that are tried on it until a window opens for one. */
  candidates?: Candidate[];
  /** Attempts at certifying any candidate so far. */
  attempts: number;
  window: CertificationWindow | null;
  /** Of the window that was certified last; what serves goes by its threshold. */
  certification: Certification | null;
  detector: DriftDetector | null;
  /** Calls that began from here on are what the detector has seen; null where nothing is watched. */
  watchedFrom?: number | null;
  /** Audited calls since this stage began. */
  audits: number;
  /** The task's own limit, in place of the project's; milliseconds. */
  maxP95Ms?: number | null;
  /** Why it is where it is, as of the last look. */
  stays?: Obstacle | "done";
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
  /** What was last said of its call; absent where nobody said anything. */
  feedback?: DrawFeedback;
}

/** What feedback made of a draw's label. `pending`: it came before the draw was settled. `frozen`: it came too late. */
export interface DrawFeedback {
  at: number;
  state: "pending" | "counted" | "frozen";
  score: number | null;
  corrected: boolean;
  /** It is about the whole run. */
  ofRun: boolean;
}

export interface DrawOutcome {
  candidate: string;
  fingerprint: string;
  basis: ScoreBasis;
  answer: Answer;
  label: Label;
  by: Agreement["by"] | "judge" | "feedback" | null;
  /** The label without feedback, where that changed it. */
  matched?: { label: Label; by: DrawOutcome["by"] };
  /** How the answers were formed; absent where one of them is missing. */
  form?: {
    valid: boolean;
    referenceValid: boolean;
    /** A tool was called where the reference called none; null for a call without tools. */
    overCalled: boolean | null;
  };
  /** Codes of what the hard checks found, and paths at which the answers differ: names of fields, no values. */
  findings: string[];
  latencyMs: number | null;
  slmTokens: { input: number; output: number } | null;
  referenceTokens: { input: number; cached: number; output: number } | null;
  /** What asking the reference for an audit cost, in US dollars; null for unknown, absent where it was not asked. */
  auditCostUsd?: number | null;
  /** What the judge cost; null for unknown, absent where none was asked. */
  judgeCostUsd?: number | null;
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
