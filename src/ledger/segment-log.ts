/** Rows in the object's SQLite take 2 MB; characters, at most three bytes each. */
const MAX_SEGMENT_CHARACTERS = 500_000;
/** This many records also stay in memory as they are; those beyond are read back when they are needed. */
const KEEP_IN_MEMORY = 4_000;

interface Entry<Value> {
  segment: number;
  /** Length of its JSON. */
  size: number;
  /** Null: only in SQLite. */
  value: Value | null;
}

/**
 * Records in the object's SQLite, many to a row: those that are appended together are one segment, one write.
 * Where each stands is remembered, so that nothing is searched; a segment goes with the last of its records.
 */
export class SegmentLog<Value extends { id: string }> {
  readonly #sql: SqlStorage;
  readonly #table: string;
  /** In order of arrival. */
  readonly #entries = new Map<string, Entry<Value>>();
  /** How many records are left of each segment. */
  readonly #left = new Map<number, number>();
  #next = 1;
  #inMemory = 0;
  #characters = 0;

  constructor(options: { sql: SqlStorage; table: string; onLoad?: (value: Value) => void }) {
    this.#sql = options.sql;
    this.#table = options.table;
    this.#sql.exec(
      `CREATE TABLE IF NOT EXISTS ${this.#table} (segment INTEGER PRIMARY KEY, records TEXT NOT NULL)`,
    );
    for (const { segment, records } of this.#sql.exec<SegmentRow>(
      `SELECT segment, records FROM ${this.#table} ORDER BY segment`,
    )) {
      for (const value of JSON.parse(records)) {
        this.#enter(segment, value, JSON.stringify(value).length);
        options.onLoad?.(value);
      }
      this.#next = segment + 1;
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  /** What the records take as JSON. */
  get characters(): number {
    return this.#characters;
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** In order of arrival; at most `limit`. */
  ids(limit: number = this.#entries.size): string[] {
    const ids: string[] = [];
    for (const id of this.#entries.keys()) {
      if (ids.length >= limit) break;
      ids.push(id);
    }
    return ids;
  }

  /** Length of a record's JSON; 0 when there is none. */
  sizeOf(id: string): number {
    return this.#entries.get(id)?.size ?? 0;
  }

  /** Writes records whose ids are new here. */
  append(values: readonly Value[]): void {
    let json: string[] = [];
    let characters = 0;
    const write = () => {
      if (json.length === 0) return;
      const segment = this.#next++;
      this.#sql.exec(
        `INSERT INTO ${this.#table} (segment, records) VALUES (?1, ?2)`,
        segment,
        `[${json.join(",")}]`,
      );
      json = [];
      characters = 0;
    };
    for (const value of values) {
      const text = JSON.stringify(value);
      if (characters + text.length > MAX_SEGMENT_CHARACTERS) write();
      json.push(text);
      characters += text.length;
      this.#enter(this.#next, value, text.length);
    }
    write();
  }

  get(id: string): Value | null {
    return this.many([id])[0] ?? null;
  }

  /** The records with these ids, in this order; what is not here is left out. Do not change them. */
  many(ids: readonly string[]): Value[] {
    const read = new Map<number, Map<string, Value>>();
    return ids.flatMap((id) => {
      const entry = this.#entries.get(id);
      if (entry === undefined) return [];
      if (entry.value !== null) return [entry.value];
      const records =
        read.get(entry.segment) ?? new Map(this.#read(entry.segment).map((one) => [one.id, one]));
      read.set(entry.segment, records);
      return records.get(id) ?? [];
    });
  }

  /** Forgets records: whole segments are deleted, the rest of a segment is written again. */
  remove(ids: Iterable<string>): void {
    const touched = new Set<number>();
    for (const id of ids) {
      const entry = this.#entries.get(id);
      if (entry === undefined) continue;
      this.#entries.delete(id);
      this.#characters -= entry.size;
      if (entry.value !== null) this.#inMemory -= 1;
      this.#left.set(entry.segment, (this.#left.get(entry.segment) ?? 0) - 1);
      touched.add(entry.segment);
    }
    const empty: number[] = [];
    for (const segment of touched) {
      if (this.#left.get(segment) === 0) {
        this.#left.delete(segment);
        empty.push(segment);
      } else this.#write(segment, this.#read(segment));
    }
    if (empty.length === 0) return;
    this.#sql.exec(
      `DELETE FROM ${this.#table} WHERE segment IN (SELECT value FROM json_each(?1))`,
      JSON.stringify(empty),
    );
  }

  /** Writes a changed record in the place of the one with its id. */
  replace(value: Value): void {
    const entry = this.#entries.get(value.id);
    if (entry === undefined) return;
    const size = JSON.stringify(value).length;
    this.#characters += size - entry.size;
    entry.size = size;
    if (entry.value !== null) entry.value = value;
    const records = this.#read(entry.segment).map((one) => (one.id === value.id ? value : one));
    this.#write(entry.segment, records);
  }

  #enter(segment: number, value: Value, size: number): void {
    const keep = this.#inMemory < KEEP_IN_MEMORY;
    if (keep) this.#inMemory += 1;
    this.#characters += size;
    this.#entries.set(value.id, { segment, size, value: keep ? value : null });
    this.#left.set(segment, (this.#left.get(segment) ?? 0) + 1);
  }

  /** What is left of a segment. */
  #read(segment: number): Value[] {
    const { records } = this.#sql
      .exec<SegmentRow>(`SELECT segment, records FROM ${this.#table} WHERE segment = ?1`, segment)
      .one();
    const values: Value[] = JSON.parse(records);
    return values.filter(({ id }) => this.#entries.get(id)?.segment === segment);
  }

  #write(segment: number, values: readonly Value[]): void {
    this.#sql.exec(
      `UPDATE ${this.#table} SET records = ?2 WHERE segment = ?1`,
      segment,
      JSON.stringify(values),
    );
  }
}

type SegmentRow = { segment: number; records: string };
