/** Which response an item came with. */
export interface ItemPlace {
  itemId: string;
  responseId: string;
}

/** Items of one project's kept responses, as an index takes them. */
export interface ItemPlaces {
  projectId: string;
  places: readonly ItemPlace[];
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** Deleted at once: more would hold up the calls that wait for the object. */
const EXPIRE_ROWS = 2_000;

/** In the place of a response: the item's id was given twice. */
const NEITHER = "";

/**
 * Where the items of kept responses are, for `item_reference`: ids that a provider made say nothing of their response.
 * It holds ids alone; a response that was deleted is found to be gone when it is looked up.
 */
export class ItemIndex {
  readonly #sql: SqlStorage;
  /** Looked at with each of the ledger's records, so it is no query. */
  #nextExpiry: number | null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS response_items (
        project_id TEXT NOT NULL, item_id TEXT NOT NULL, response_id TEXT NOT NULL, expires_at INTEGER NOT NULL,
        PRIMARY KEY (project_id, item_id)
      ) WITHOUT ROWID`,
    );
    sql.exec("CREATE INDEX IF NOT EXISTS response_items_by_expiry ON response_items (expires_at)");
    this.#nextExpiry = this.#soonest();
  }

  /** When the next one expires; null when there is none. */
  get nextExpiry(): number | null {
    return this.#nextExpiry;
  }

  /** An item's id that a provider gives again, in another response, names neither from then on. */
  add({ projectId, places, expiresAt }: ItemPlaces): void {
    for (const { itemId, responseId } of places) {
      this.#sql.exec(
        `INSERT INTO response_items (project_id, item_id, response_id, expires_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (project_id, item_id) DO UPDATE SET
           response_id = iif(response_id = excluded.response_id, response_id, '${NEITHER}'),
           expires_at = max(expires_at, excluded.expires_at)`,
        projectId,
        itemId,
        responseId,
        expiresAt,
      );
    }
    if (places.length > 0) this.#nextExpiry = Math.min(this.#nextExpiry ?? expiresAt, expiresAt);
  }

  /** Those of the items that are known here. */
  find(options: { projectId: string; itemIds: readonly string[]; now: number }): ItemPlace[] {
    const { projectId, itemIds, now } = options;
    return itemIds.flatMap((itemId) =>
      this.#sql
        .exec<{ response_id: string }>(
          `SELECT response_id FROM response_items
           WHERE project_id = ?1 AND item_id = ?2 AND expires_at > ?3 AND response_id <> '${NEITHER}'`,
          projectId,
          itemId,
          now,
        )
        .toArray()
        .map(({ response_id }) => ({ itemId, responseId: response_id })),
    );
  }

  /** Deletes what has expired, a bounded number at once. */
  expire(now: number): void {
    if (this.#nextExpiry === null || this.#nextExpiry > now) return;
    this.#sql.exec(
      `DELETE FROM response_items WHERE (project_id, item_id) IN
         (SELECT project_id, item_id FROM response_items WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)`,
      now,
      EXPIRE_ROWS,
    );
    this.#nextExpiry = this.#soonest();
  }

  #soonest(): number | null {
    const { at } = this.#sql
      .exec<{ at: number | null }>("SELECT min(expires_at) AS at FROM response_items")
      .one();
    return at;
  }
}
