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

/** What is kept until it expires, in tables of the object's SQLite: stored responses, or the reply cache. */
export class KeptLog {
  readonly #sql: SqlStorage;
  readonly #table: string;
  /** Looked at with each of the ledger's records, so it is no query. */
  #nextExpiry: number | null;

  constructor(sql: SqlStorage, table: "responses" | "replies") {
    this.#sql = sql;
    this.#table = table;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS ${table} (
        id TEXT PRIMARY KEY, project_id TEXT NOT NULL, previous_id TEXT, created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL, key_id TEXT NOT NULL, iv BLOB NOT NULL, compression TEXT NOT NULL
      ) WITHOUT ROWID`,
    );
    sql.exec(`CREATE INDEX IF NOT EXISTS ${table}_by_expiry ON ${table} (expires_at)`);
    sql.exec(
      `CREATE TABLE IF NOT EXISTS ${table}_pieces (
        id TEXT NOT NULL, seq INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (id, seq)
      ) WITHOUT ROWID`,
    );
    this.#nextExpiry = this.#soonest();
  }

  /** When the next one expires, at the latest; null when none is kept. */
  get nextExpiry(): number | null {
    return this.#nextExpiry;
  }

  /** Keeps something; what is there under the same id is replaced. */
  keep(kept: Kept): void {
    this.#erase(kept.id);
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
        `INSERT INTO ${this.#table}_pieces (id, seq, bytes) VALUES (?1, ?2, ?3)`,
        kept.id,
        seq,
        kept.ciphertext.slice(from, from + PIECE_BYTES),
      );
    }
    this.#nextExpiry = Math.min(this.#nextExpiry ?? kept.expiresAt, kept.expiresAt);
  }

  /** The one of this id and those that it goes on from, newest first, as far as they are here; at most `most`. */
  chain(options: { id: string; projectId: string; now: number; most: number }): Kept[] {
    const found: Kept[] = [];
    let id: string | null = options.id;
    while (id !== null && found.length < options.most) {
      const [row]: Row[] = this.#sql.exec<Row>(`SELECT * FROM ${this.#table} WHERE id = ?1`, id).toArray();
      if (row === undefined || row.project_id !== options.projectId || row.expires_at <= options.now) break;
      found.push(this.#whole(row));
      id = row.previous_id;
    }
    return found;
  }

  /** False when the project has none of this id. */
  delete(options: { id: string; projectId: string }): boolean {
    const [row] = this.#sql
      .exec(`SELECT id FROM ${this.#table} WHERE id = ?1 AND project_id = ?2`, options.id, options.projectId)
      .toArray();
    if (row === undefined) return false;
    this.#erase(options.id);
    return true;
  }

  /** Deletes what has expired, a bounded number at once. */
  expire(now: number): void {
    if (this.#nextExpiry === null || this.#nextExpiry > now) return;
    const due = this.#sql
      .exec<{ id: string }>(`SELECT id FROM ${this.#table} WHERE expires_at <= ?1 LIMIT ?2`, now, EXPIRE_ROWS)
      .toArray();
    for (const { id } of due) this.#erase(id);
    this.#nextExpiry = this.#soonest();
  }

  /** Keeps at most so many: those that would expire first go. */
  enforce(most: number): void {
    const { all } = this.#sql.exec<{ all: number }>(`SELECT count(*) AS "all" FROM ${this.#table}`).one();
    if (all <= most) return;
    const over = this.#sql
      .exec<{ id: string }>(`SELECT id FROM ${this.#table} ORDER BY expires_at LIMIT ?1`, all - most)
      .toArray();
    for (const { id } of over) this.#erase(id);
    this.#nextExpiry = this.#soonest();
  }

  #soonest(): number | null {
    const { at } = this.#sql
      .exec<{ at: number | null }>(`SELECT min(expires_at) AS at FROM ${this.#table}`)
      .one();
    return at;
  }

  #erase(id: string): void {
    this.#sql.exec(`DELETE FROM ${this.#table} WHERE id = ?1`, id);
    this.#sql.exec(`DELETE FROM ${this.#table}_pieces WHERE id = ?1`, id);
  }

  #whole(row: Row): Kept {
    const pieces = this.#sql
      .exec<{ bytes: ArrayBuffer }>(
        `SELECT bytes FROM ${this.#table}_pieces WHERE id = ?1 ORDER BY seq`,
        row.id,
      )
      .toArray()
      .map(({ bytes }) => new Uint8Array(bytes));
    const ciphertext = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
    let at = 0;
    for (const piece of pieces) {
      ciphertext.set(piece, at);
      at += piece.byteLength;
    }
    return {
      id: row.id,
      projectId: row.project_id,
      previousId: row.previous_id,
      createdAt: row.created_at,
      expiresAt: row.expires_at,
      keyId: row.key_id,
      iv: new Uint8Array(row.iv),
      compression: row.compression,
      ciphertext,
    };
  }
}
