import { bandsOf, nearlySame, signatureOf } from "../conversion/curation/near-duplicates/min-hash.ts";
import { templateOf } from "../conversion/curation/near-duplicates/shingles.ts";

const SCHEMA = `
CREATE TABLE IF NOT EXISTS templates (family TEXT PRIMARY KEY, shingles BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bands (family TEXT NOT NULL, band INTEGER NOT NULL, hash INTEGER NOT NULL, item_id TEXT NOT NULL,
  PRIMARY KEY (family, band, hash, item_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS signatures (item_id TEXT PRIMARY KEY, signature BLOB NOT NULL) WITHOUT ROWID`;

/** Of the items that share a band this many are compared: of more the text is everybody's. */
const MAX_COMPARED = 64;
/** A template's words beyond this are left to count as everybody's own; a row of the object takes 2 MB. */
const MAX_TEMPLATE = 200_000;

const bytesOf = (numbers: Uint32Array): Uint8Array => new Uint8Array(numbers.buffer, 0, numbers.byteLength);

/** What the items of a set in the making say, kept in the object's SQLite: so that of near duplicates one is taken. */
export class SeenPrompts {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    for (const statement of SCHEMA.split(";")) sql.exec(statement);
  }

  /** What a task's calls have in common, of the first ones that are shown; the same from then on. */
  template(family: string, calls: readonly ReadonlySet<number>[]): ReadonlySet<number> {
    const [known] = this.#sql
      .exec<{ shingles: ArrayBuffer }>("SELECT shingles FROM templates WHERE family = ?", family)
      .toArray();
    if (known !== undefined) return new Set(new Uint32Array(known.shingles));
    const template = new Uint32Array([...templateOf(calls)].slice(0, MAX_TEMPLATE));
    this.#sql.exec("INSERT INTO templates (family, shingles) VALUES (?, ?)", family, bytesOf(template));
    return new Set(template);
  }

  /**
   * Looks whether another item says nearly the same as what a call says beyond its template. `remember` makes the call one
   * of those that later ones are held against. An item is no duplicate of itself.
   */
  look(options: { family: string; itemId: string; own: readonly number[] }): {
    duplicate: boolean;
    remember: () => void;
  } {
    const { family, itemId, own } = options;
    const signature = signatureOf(own);
    const bands = bandsOf(signature);
    const others = new Set(bands.flatMap((hash, band) => this.#sharing(family, band, hash)));
    others.delete(itemId);
    return {
      duplicate: [...others].some((other) => nearlySame(signature, this.#signature(other))),
      remember: () => this.#remember({ family, itemId, signature, bands }),
    };
  }

  #remember(item: {
    family: string;
    itemId: string;
    signature: Uint32Array;
    bands: readonly number[];
  }): void {
    const { family, itemId, signature, bands } = item;
    this.#sql.exec(
      "INSERT INTO signatures (item_id, signature) VALUES (?, ?) ON CONFLICT DO NOTHING",
      itemId,
      bytesOf(signature),
    );
    for (const [band, hash] of bands.entries()) {
      this.#sql.exec(
        "INSERT INTO bands (family, band, hash, item_id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        family,
        band,
        hash,
        itemId,
      );
    }
  }

  #sharing(family: string, band: number, hash: number): string[] {
    return this.#sql
      .exec<{ item_id: string }>(
        "SELECT item_id FROM bands WHERE family = ? AND band = ? AND hash = ? ORDER BY item_id DESC LIMIT ?",
        family,
        band,
        hash,
        MAX_COMPARED,
      )
      .toArray()
      .map(({ item_id }) => item_id);
  }

  #signature(itemId: string): Uint32Array {
    const { signature } = this.#sql
      .exec<{ signature: ArrayBuffer }>("SELECT signature FROM signatures WHERE item_id = ?", itemId)
      .one();
    return new Uint32Array(signature);
  }
}
