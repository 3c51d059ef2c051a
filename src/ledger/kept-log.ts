import { joinBytes } from "../bytes.ts";

/** Something kept for a while, as the ledger's object has it: whose it is, what it goes on from, and its encrypted content. */
export interface Kept {
  id: string;
  projectId: string;
  previousId: string | null;
  /** Milliseconds since the epoch. */
  createdAt: number;
  expiresAt: number;
  /** Which secret opens it, and how. */
  keyId: string;
  iv: Uint8Array;
  compression: "gzip" | "none";
  ciphertext: Uint8Array;
}

/** A row of the object's SQLite takes 2 MB. */
const PIECE_BYTES = 1_000_000;

/** Deleted at once: more would hold up the calls that wait for the object. */
const EXPIRE_ROWS = 500;

/** What one answer brings: a message between a Worker and its object takes 32 MiB. */
const ANSWER_BYTES = 16 * 1024 * 1024;

type Row = {
  id: string;
  project_id: string;
  previous_id: string | null;
  created_at: number;
  expires_at: number;
  key_id: string;
  iv: ArrayBuffer;
  compression: "gzip" | "none";
};

/**
 * What is kept until it expires, in tables of the object's SQLite: stored responses, the reply cache, or what is still to
 * be done. A project's ids are its own: a provider may give an id that another project has too.
 */
export class KeptLog {
  readonly #sql: SqlStorage;
  readonly #table: string;
  /** Looked at with each of the ledger's records, so it is no query. */
  #nextExpiry: number | null;

  constructor(sql: SqlStorage, table: "responses" | "replies" | "jobs") {
    this.#sql = sql;
    this.#table = table;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS ${table} (
        id TEXT NOT NULL, project_id TEXT NOT NULL, previous_id TEXT, created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL, key_id TEXT NOT NULL, iv BLOB NOT NULL, compression TEXT NOT NULL,
        PRIMARY KEY (project_id, id)
      ) WITHOUT ROWID`,
    );
    sql.exec(`CREATE INDEX IF NOT EXISTS ${table}_by_expiry ON ${table} (expires_at)`);
    sql.exec(
      `CREATE TABLE IF NOT EXISTS ${table}_content (
        project_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, bytes BLOB NOT NULL,
        PRIMARY KEY (project_id, id, seq)
      ) WITHOUT ROWID`,
    );
    this.#nextExpiry = this.#soonest();
  }

  /** When the next one expires, at the latest; null when none is kept. */
  get nextExpiry(): number | null {
    return this.#nextExpiry;
  }

  /** Keeps something; what the project has under the same id is replaced. */
  keep(kept: Kept): void {
    this.#erase(kept);
    this.#sql.exec(
      `INSERT INTO ${this.#table} (id, project_id, previous_id, created_at, expires_at, key_id, iv, compression)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,
      kept.id,
      kept.projectId,
      kept.previousId,
      kept.createdAt,
      kept.expiresAt,
      kept.keyId,
      kept.iv,
      kept.compression,
    );
    for (let from = 0, seq = 0; from < kept.ciphertext.byteLength; from += PIECE_BYTES, seq++) {
      this.#sql.exec(
        `INSERT INTO ${this.#table}_content (project_id, id, seq, bytes) VALUES (?1, ?2, ?3, ?4)`,
        kept.projectId,
        kept.id,
        seq,
        kept.ciphertext.slice(from, from + PIECE_BYTES),
      );
    }
    this.#nextExpiry = Math.min(this.#nextExpiry ?? kept.expiresAt, kept.expiresAt);
  }

  /**
   * The one of this id and those that it goes on from, newest first, as far as they are here; at most `most`, and no more
   * than fits in an answer.
   */
  chain(options: { id: string; projectId: string; now: number; most: number }): Kept[] {
    const found: Kept[] = [];
    let bytes = 0;
    let id: string | null = options.id;
    while (id !== null && found.length < options.most && bytes < ANSWER_BYTES) {
      const kept = this.#find({ ...options, id });
      if (kept === null) break;
      found.push(kept);
      bytes += kept.ciphertext.byteLength;
      id = kept.previousId;
    }
    return found;
  }

  /** Those of these ids that are here, and the ids that did not fit in the answer and are to be asked for again. */
  several(options: { ids: readonly string[]; projectId: string; now: number }): {
    found: Kept[];
    rest: string[];
  } {
    const found: Kept[] = [];
    let bytes = 0;
    for (const [at, id] of options.ids.entries()) {
      if (bytes >= ANSWER_BYTES) return { found, rest: options.ids.slice(at) };
      const kept = this.#find({ ...options, id });
      if (kept === null) continue;
      found.push(kept);
      bytes += kept.ciphertext.byteLength;
    }
    return { found, rest: [] };
  }

  /** False when the project has none of this id. */
  delete(options: { id: string; projectId: string }): boolean {
    return this.#erase(options) > 0;
  }

  /** Deletes what has expired, a bounded number at once. */
  expire(now: number): void {
    if (this.#nextExpiry === null || this.#nextExpiry > now) return;
    this.#eraseFirst({ most: EXPIRE_ROWS, expiredAt: now });
  }

  /** Keeps at most so many: those that would expire first go. */
  enforce(most: number): void {
    const { all } = this.#sql.exec<{ all: number }>(`SELECT count(*) AS "all" FROM ${this.#table}`).one();
    if (all > most) this.#eraseFirst({ most: all - most });
  }

  /** Deletes so many of those that would expire first; how many there were. */
  drop(most: number): number {
    return this.#eraseFirst({ most });
  }

  #eraseFirst({ most, expiredAt }: { most: number; expiredAt?: number }): number {
    const due = this.#sql
      .exec<{ id: string; project_id: string }>(
        `SELECT id, project_id FROM ${this.#table} WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2`,
        expiredAt ?? Number.MAX_SAFE_INTEGER,
        most,
      )
      .toArray();
    for (const { id, project_id } of due) this.#erase({ id, projectId: project_id });
    this.#nextExpiry = this.#soonest();
    return due.length;
  }

  #soonest(): number | null {
    const { at } = this.#sql
      .exec<{ at: number | null }>(`SELECT min(expires_at) AS at FROM ${this.#table}`)
      .one();
    return at;
  }

  #erase({ id, projectId }: { id: string; projectId: string }): number {
    this.#sql.exec(`DELETE FROM ${this.#table}_content WHERE project_id = ?1 AND id = ?2`, projectId, id);
    return this.#sql.exec(`DELETE FROM ${this.#table} WHERE project_id = ?1 AND id = ?2`, projectId, id)
      .rowsWritten;
  }

  #find({ id, projectId, now }: { id: string; projectId: string; now: number }): Kept | null {
    const [row]: Row[] = this.#sql
      .exec<Row>(`SELECT * FROM ${this.#table} WHERE project_id = ?1 AND id = ?2`, projectId, id)
      .toArray();
    return row === undefined || row.expires_at <= now ? null : this.#whole(row);
  }

  #whole(row: Row): Kept {
    const pieces = this.#sql
      .exec<{ bytes: ArrayBuffer }>(
        `SELECT bytes FROM ${this.#table}_content WHERE project_id = ?1 AND id = ?2 ORDER BY seq`,
        row.project_id,
        row.id,
      )
      .toArray()
      .map(({ bytes }) => new Uint8Array(bytes));
    return {
      id: row.id,
      projectId: row.project_id,
      previousId: row.previous_id,
      createdAt: row.created_at,
      expiresAt: row.expires_at,
      keyId: row.key_id,
      iv: new Uint8Array(row.iv),
      compression: row.compression,
      ciphertext: joinBytes(pieces),
    };
  }
}
