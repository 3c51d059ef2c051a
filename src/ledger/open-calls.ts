import type { CallRow } from "../db/schema.ts";
import type { CallStart } from "./records.ts";
import { type StartColumns, startColumns, startRow } from "./row.ts";
import { SegmentLog } from "./segment-log.ts";

interface OpenCall extends StartColumns {
  /** D1 knows that it runs. */
  written: boolean;
}

/** How many calls are given up, or sent to D1 as running, at a time. */
const MAX_DUE = 1_000;
/** Starts of ended calls are deleted this many at a time: one write instead of many. */
const MAX_ENDED = 256;

/** The calls that have begun and not ended. */
export class OpenCalls {
  readonly #log: SegmentLog<OpenCall>;
  /** Ids with their start, oldest first: those that D1 does not know yet, and those that it does. */
  readonly #unwritten = new Map<string, number>();
  readonly #written = new Map<string, number>();
  /** Calls that have ended and whose start is still in the log. */
  #ended: string[] = [];

  /** `hasEnd`: whether the end of a call is in the object; its start may be too. */
  constructor(options: { sql: SqlStorage; hasEnd: (id: string) => boolean }) {
    this.#log = new SegmentLog({
      sql: options.sql,
      table: "starts",
      onLoad: ({ id, startedAt, written }: OpenCall) => {
        if (options.hasEnd(id)) this.#ended.push(id);
        else (written ? this.#written : this.#unwritten).set(id, startedAt);
      },
    });
  }

  get size(): number {
    return this.#unwritten.size + this.#written.size;
  }

  /** When the oldest call began that D1 does not know yet; null when there is none. */
  get oldestUnwritten(): number | null {
    return first(this.#unwritten.values());
  }

  /** When the oldest call began that D1 knows already. */
  get oldestWritten(): number | null {
    return first(this.#written.values());
  }

  /** Oldest first, by and large. */
  ids(): string[] {
    return [...this.#written.keys(), ...this.#unwritten.keys()];
  }

  /** One write for all of them. A start that is in the log already changes nothing. */
  add(starts: readonly CallStart[]): void {
    const added = new Map<string, OpenCall>();
    for (const start of starts) {
      if (this.#log.has(start.id) || added.has(start.id)) continue;
      added.set(start.id, { ...startColumns(start), written: false });
    }
    this.#log.append([...added.values()]);
    for (const { id, startedAt } of added.values()) this.#unwritten.set(id, startedAt);
  }

  row(id: string): CallRow | null {
    return this.rows([id])[0] ?? null;
  }

  rows(ids: readonly string[]): CallRow[] {
    const open = ids.filter((id) => this.#unwritten.has(id) || this.#written.has(id));
    return this.#log.many(open).map(startRow);
  }

  /** The oldest calls that began before a time and that D1 does not know yet. */
  unwrittenBefore(startedBefore: number): string[] {
    return idsBefore(this.#unwritten, startedBefore);
  }

  /** The oldest calls that began before a time. */
  startedBefore(time: number): string[] {
    return [...idsBefore(this.#unwritten, time), ...idsBefore(this.#written, time)];
  }

  /** D1 knows these now. */
  markWritten(ids: readonly string[]): void {
    const open = ids.filter((id) => this.#unwritten.delete(id));
    const calls = this.#log.many(open).map((call) => ({ ...call, written: true }));
    this.#log.remove(open);
    this.#log.append(calls);
    for (const { id, startedAt } of calls) this.#written.set(id, startedAt);
  }

  /**
   * These have ended. Their starts stay in the log for a while: until `forgetEnded`, the ends must be in the
   * object, or the calls would be open again after an eviction.
   */
  end(ids: readonly string[]): void {
    for (const id of ids) {
      if (this.#unwritten.delete(id) || this.#written.delete(id)) this.#ended.push(id);
    }
    if (this.#ended.length >= MAX_ENDED) this.forgetEnded();
  }

  /** Deletes the starts of calls that have ended: before their ends leave the object. */
  forgetEnded(): void {
    if (this.#ended.length === 0) return;
    this.#log.remove(this.#ended);
    this.#ended = [];
  }

  /** Forgets calls that nothing is left of. */
  forget(ids: readonly string[]): void {
    this.end(ids);
    this.forgetEnded();
  }

  /** Forgets the oldest beyond a number; returns how many. */
  trim(maxCalls: number): number {
    const excess = this.size - maxCalls;
    if (excess <= 0) return 0;
    this.forget(this.ids().slice(0, excess));
    return excess;
  }
}

function first(values: Iterable<number>): number | null {
  for (const value of values) return value;
  return null;
}

/** The ids at the front of a map in order of age; it stops at the first that is not due. */
function idsBefore(calls: ReadonlyMap<string, number>, before: number): string[] {
  const ids: string[] = [];
  for (const [id, startedAt] of calls) {
    if (startedAt >= before || ids.length >= MAX_DUE) break;
    ids.push(id);
  }
  return ids;
}
