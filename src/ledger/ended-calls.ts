import type { CallRow } from "../db/schema.ts";
import { fromHex, toHex } from "../security/derive.ts";
import { ContentLog, type ContentPlace } from "./content-log.ts";
import type { StoredBody } from "./records.ts";
import type { AttemptColumns, EndColumns } from "./row.ts";
import { SegmentLog } from "./segment-log.ts";

/** An ended call on its way to D1; without the columns of its start where that never came. */
export type EndedCall = { id: string; attempts: AttemptColumns[] } & (
  | { hasStart: true; row: CallRow }
  | { hasStart: false; row: EndColumns & { id: string } }
);

type EndedRecord = EndedCall & { bodies: BodyRecord[] };

interface BodyRecord {
  part: StoredBody["part"];
  keyId: string;
  ivHex: string;
  compression: StoredBody["body"]["compression"];
  originalBytes: number;
  truncated: boolean;
  place: ContentPlace;
}

/** The calls that have ended and that D1 does not have yet, with their content. */
export class EndedCalls {
  readonly #log: SegmentLog<EndedRecord>;
  readonly #contents: ContentLog;

  constructor(sql: SqlStorage) {
    const contents = new ContentLog(sql);
    this.#contents = contents;
    this.#log = new SegmentLog({
      sql,
      table: "ends",
      onLoad: ({ bodies }: EndedRecord) => {
        for (const { place } of bodies) contents.restore(place);
      },
    });
  }

  get size(): number {
    return this.#log.size;
  }

  get bodyBytes(): number {
    return this.#contents.bytes;
  }

  /** What it all takes on the way to D1, content in hex; characters. */
  get characters(): number {
    return this.#log.characters + 2 * this.#contents.bytes;
  }

  has(id: string): boolean {
    return this.#log.has(id);
  }

  /** In order of arrival; at most `limit`. */
  ids(limit?: number): string[] {
    return this.#log.ids(limit);
  }

  /** Writes ends that are new here: one row for all the calls, and one for all their content where it is small. */
  add(ends: readonly { call: EndedCall; bodies: readonly StoredBody[] }[]): void {
    const places = this.#contents.append(
      ends.flatMap(({ bodies }) => bodies.map(({ body }) => body.ciphertext)),
    );
    let at = 0;
    this.#log.append(
      ends.map(({ call, bodies }) => {
        const records = bodies.flatMap((stored) => {
          const place = places[at++];
          return place === undefined ? [] : [bodyRecord(stored, place)];
        });
        return { ...call, bodies: records };
      }),
    );
  }

  get(id: string): EndedCall | null {
    return this.#log.get(id);
  }

  many(ids: readonly string[]): EndedCall[] {
    return this.#log.many(ids);
  }

  /** Characters that a call and its content take on the way to D1. */
  sizeOf(call: EndedCall): number {
    const content = this.#places(call.id).reduce((sum, { bytes }) => sum + 2 * bytes, 0);
    return this.#log.sizeOf(call.id) + content;
  }

  /** The content of some calls, as far as it is still here; in the calls' order, then by part. */
  bodies(ids: readonly string[]): { callId: string; stored: StoredBody }[] {
    const records = this.#log
      .many(ids)
      .flatMap(({ id, bodies }) => bodies.toSorted(byPart).map((body) => ({ callId: id, body })));
    const contents = this.#contents.read(records.map(({ body }) => body.place));
    return records.flatMap(({ callId, body }, index) => {
      const ciphertext = contents[index];
      return ciphertext ? [{ callId, stored: storedBody(body, ciphertext) }] : [];
    });
  }

  remove(ids: readonly string[]): void {
    this.#contents.release(ids.flatMap((id) => this.#places(id)));
    this.#log.remove(ids);
  }

  /** Forgets the content of some calls; returns how many bodies. */
  removeBodies(ids: readonly string[]): number {
    let count = 0;
    for (const record of this.#log.many(ids)) {
      const places = this.#places(record.id);
      count += places.length;
      this.#contents.release(places);
      this.#log.replace({ ...record, bodies: [] });
    }
    return count;
  }

  /** Forgets the oldest row of content: that of the ends which came in one message. Returns how many bodies. */
  dropOldestContent(): number {
    return this.#contents.dropOldest();
  }

  #places(id: string): ContentPlace[] {
    const bodies = this.#log.get(id)?.bodies ?? [];
    return bodies.map(({ place }) => place).filter((place) => this.#contents.has(place));
  }
}

function bodyRecord({ part, body, originalBytes, truncated }: StoredBody, place: ContentPlace): BodyRecord {
  const { keyId, compression } = body;
  return { part, keyId, ivHex: toHex(body.iv), compression, originalBytes, truncated, place };
}

function storedBody(record: BodyRecord, ciphertext: Uint8Array): StoredBody {
  const { part, keyId, ivHex, compression, originalBytes, truncated } = record;
  return { part, body: { keyId, iv: fromHex(ivHex), ciphertext, compression }, originalBytes, truncated };
}

function byPart(a: BodyRecord, b: BodyRecord): number {
  return a.part < b.part ? -1 : 1;
}
