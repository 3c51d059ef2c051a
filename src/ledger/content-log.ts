import { joinBytes } from "../bytes.ts";

/** Content of several calls shares a row up to this; a row in the object's SQLite takes 2 MB. Bytes. */
const SHARED_BLOB_BYTES = 512 * 1024;

/** Where some bytes stand. */
export interface ContentPlace {
  blob: number;
  from: number;
  bytes: number;
}

/**
 * Encrypted content in the object's SQLite, many to a row. Nothing here knows whose it is: the places do, and a
 * row goes when its last place is released.
 */
export class ContentLog {
  readonly #sql: SqlStorage;
  /** Blobs, oldest first, with the places that are left of each. */
  readonly #blobs = new Map<number, { places: number; bytes: number }>();
  #next = 1;
  #bytes = 0;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec("CREATE TABLE IF NOT EXISTS contents (blob INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
    for (const { blob } of sql.exec<{ blob: number }>("SELECT blob FROM contents ORDER BY blob")) {
      this.#blobs.set(blob, { places: 0, bytes: 0 });
      this.#next = blob + 1;
    }
  }

  /** Bytes that are still referred to. */
  get bytes(): number {
    return this.#bytes;
  }

  has(place: ContentPlace): boolean {
    return this.#blobs.has(place.blob);
  }

  /** After an eviction: this place is referred to. */
  restore(place: ContentPlace): void {
    // A blob that was dropped must not lend its number to a new one: old places would point into that.
    this.#next = Math.max(this.#next, place.blob + 1);
    this.#enter(place);
  }

  /** Writes bytes, in as few rows as their sizes allow. */
  append(parts: readonly Uint8Array[]): ContentPlace[] {
    const places: ContentPlace[] = [];
    let group: Uint8Array[] = [];
    let size = 0;
    const write = () => {
      if (group.length === 0) return;
      this.#sql.exec(
        "INSERT INTO contents (blob, bytes) VALUES (?1, ?2)",
        this.#next++,
        exactly(joinBytes(group)),
      );
      group = [];
      size = 0;
    };
    for (const part of parts) {
      if (size + part.byteLength > SHARED_BLOB_BYTES) write();
      const place = { blob: this.#next, from: size, bytes: part.byteLength };
      places.push(place);
      group.push(part);
      size += part.byteLength;
      this.#blobs.set(place.blob, this.#blobs.get(place.blob) ?? { places: 0, bytes: 0 });
      this.#enter(place);
    }
    write();
    return places;
  }

  /** The bytes at these places, in their order; null for what was dropped. */
  read(places: readonly ContentPlace[]): (Uint8Array | null)[] {
    const blobs = new Map<number, Uint8Array>();
    return places.map((place) => {
      if (!this.has(place)) return null;
      const blob = blobs.get(place.blob) ?? this.#blob(place.blob);
      blobs.set(place.blob, blob);
      return blob.subarray(place.from, place.from + place.bytes);
    });
  }

  release(places: readonly ContentPlace[]): void {
    const empty: number[] = [];
    for (const { blob, bytes } of places) {
      const left = this.#blobs.get(blob);
      if (left === undefined) continue;
      left.places -= 1;
      left.bytes -= bytes;
      this.#bytes -= bytes;
      if (left.places > 0) continue;
      this.#blobs.delete(blob);
      empty.push(blob);
    }
    this.#delete(empty);
  }

  /** Drops the oldest row, whoever refers to it; returns how many places it had. */
  dropOldest(): number {
    for (const [blob, { places, bytes }] of this.#blobs) {
      this.#blobs.delete(blob);
      this.#bytes -= bytes;
      this.#delete([blob]);
      return places;
    }
    return 0;
  }

  #enter({ blob, bytes }: ContentPlace): void {
    const left = this.#blobs.get(blob);
    if (left === undefined) return;
    left.places += 1;
    left.bytes += bytes;
    this.#bytes += bytes;
  }

  #blob(blob: number): Uint8Array {
    const { bytes } = this.#sql
      .exec<{ bytes: ArrayBuffer }>("SELECT bytes FROM contents WHERE blob = ?1", blob)
      .one();
    return new Uint8Array(bytes);
  }

  #delete(blobs: readonly number[]): void {
    if (blobs.length === 0) return;
    this.#sql.exec(
      "DELETE FROM contents WHERE blob IN (SELECT value FROM json_each(?1))",
      JSON.stringify(blobs),
    );
  }
}

/** SQLite in the object takes an `ArrayBuffer` of exactly the bytes that are meant. */
function exactly(bytes: Uint8Array): ArrayBuffer {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength
    ? buffer
    : new Uint8Array(bytes).buffer;
}
