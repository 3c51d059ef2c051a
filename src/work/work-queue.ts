/** What must happen after a reply and outlast it. */
export interface WorkItem {
  /** Names the work itself: adding it again changes nothing. */
  id: string;
  kind: string;
  /** JSON. */
  payload: string;
  /** How often it was begun before. */
  tries: number;
  /** When it was added; milliseconds since the epoch. */
  addedAt: number;
}

interface Row extends Record<string, SqlStorageValue> {
  id: string;
  kind: string;
  payload: string;
  tries: number;
  added_at: number;
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS work_items (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  added_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL
) WITHOUT ROWID`;

function itemOf({ id, kind, payload, tries, added_at }: Row): WorkItem {
  return { id, kind, payload, tries, addedAt: added_at };
}

/**
 * A bounded queue in an object's own SQLite: what is in it survives an eviction. An item that was taken comes back by
 * itself when its lease is over, so that work which died with its process is done again.
 */
export class WorkQueue {
  readonly #sql: SqlStorage;
  readonly #limit: number;

  constructor(options: { sql: SqlStorage; limit: number }) {
    this.#sql = options.sql;
    this.#limit = options.limit;
    this.#sql.exec(SCHEMA);
  }

  get size(): number {
    return this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM work_items").one().n;
  }

  /** When the first item is due; null for an empty queue. */
  get nextDue(): number | null {
    return this.#sql.exec<{ due: number | null }>("SELECT min(due_at) AS due FROM work_items").one().due;
  }

  /** Adds what is not in it yet. Returns what had to go for it: the oldest, beyond the limit. */
  add(items: readonly { id: string; kind: string; payload: string }[], now: number): WorkItem[] {
    for (const { id, kind, payload } of items) {
      this.#sql.exec(
        "INSERT INTO work_items (id, kind, payload, added_at, due_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        id,
        kind,
        payload,
        now,
        now,
      );
    }
    const excess = this.size - this.#limit;
    if (excess <= 0) return [];
    const oldest = this.#sql
      .exec<Row>("SELECT * FROM work_items ORDER BY added_at, id LIMIT ?", excess)
      .toArray()
      .map(itemOf);
    for (const { id } of oldest) this.done(id);
    return oldest;
  }

  /** Takes what is due, the oldest first; it is not given out again before `leaseMs` are over. */
  lease(options: { now: number; limit: number; leaseMs: number }): WorkItem[] {
    const { now, limit, leaseMs } = options;
    const items = this.#sql
      .exec<Row>("SELECT * FROM work_items WHERE due_at <= ? ORDER BY due_at, id LIMIT ?", now, limit)
      .toArray()
      .map(itemOf);
    for (const { id } of items)
      this.#sql.exec("UPDATE work_items SET tries = tries + 1, due_at = ? WHERE id = ?", now + leaseMs, id);
    return items;
  }

  done(id: string): void {
    this.#sql.exec("DELETE FROM work_items WHERE id = ?", id);
  }

  /** Puts an item back that was taken; it is due again at `dueAt`. `payload`: what is left of it, where that has changed. */
  retry(id: string, dueAt: number, payload?: string): void {
    this.#sql.exec(
      "UPDATE work_items SET due_at = ?, payload = coalesce(?, payload) WHERE id = ?",
      dueAt,
      payload ?? null,
      id,
    );
  }
}
