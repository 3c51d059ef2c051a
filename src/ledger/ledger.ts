import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { type BufferCounts, type BufferLimits, type FinishMessage, LedgerBuffer } from "./buffer.ts";
import type { BufferedCall, BufferScan, ScanOptions } from "./buffer-reader.ts";
import { isRejection, retryDelayMs } from "./d1-errors.ts";
import { type LedgerDatabase, ledgerStatements } from "./d1-writer.ts";
import { type Kept, KeptLog } from "./kept-log.ts";
import type { CallStart } from "./records.ts";
import { ItemIndex, type ItemPlace, type ItemPlaces } from "./responses/item-index.ts";
import { withTimeout } from "./with-timeout.ts";

/** Records wait this long for company before they go to D1. */
const FLUSH_AFTER_MS = 1_000;
/** Or until this many calls, or bytes, wait. */
const FLUSH_CALLS = 250;
const FLUSH_BYTES = 1_000_000;
/** A start waits this long for its finish, so that most calls are one write. */
const HOLD_START_MS = 5_000;
/** The longest call that the settings allow, and five minutes for its finish to arrive. */
export const LOST_AFTER_MS = 7_200_000 + 300_000;
/** Replies that one object keeps for its cache. */
const MAX_REPLIES = 20_000;
/** Between two deletions of what has expired, so that many of them do not keep the object busy. */
const EXPIRE_PAUSE_MS = 1_000;
/** An object's database takes 10 GB. Beyond this, kept replies and then the oldest responses make room for the records. */
const MAX_DATABASE_BYTES = 8_000_000_000;
/** Dropped at once: the next one that is kept drops more. */
const DROP_ROWS = 100;
/** D1 ends a query after 30 s; what has not answered by then is tried again. */
const D1_TIMEOUT_MS = 35_000;

const LIMITS: BufferLimits = { maxCalls: 100_000, maxBodyBytes: 512 * 1024 * 1024 };

export interface LedgerStats extends BufferCounts {
  /** D1 batches that failed since the last one that did not. */
  failures: number;
}

/**
 * One shard of the ledger: takes records, keeps them in its own SQLite and writes them to D1 in batches.
 * It never answers before a record is durable, and never forgets one before D1 has it.
 */
export class Ledger extends DurableObject<Env> {
  /** Where the batches go, the time and the limits: fields, so that a test can put D1 down or the clock forward. */
  database: LedgerDatabase;
  clock: () => number = Date.now;
  limits: BufferLimits = LIMITS;
  maxDatabaseBytes = MAX_DATABASE_BYTES;

  readonly #buffer: LedgerBuffer;
  readonly #responses: KeptLog;
  readonly #items: ItemIndex;
  readonly #replies: KeptLog;
  #flushing: Promise<boolean> | null = null;
  #batchCalls = FLUSH_CALLS;
  #failures = 0;
  #retryAt = 0;
  #alarmAt: number | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.database = env.DB;
    this.#buffer = new LedgerBuffer(ctx.storage.sql);
    this.#responses = new KeptLog(ctx.storage.sql, "responses");
    this.#items = new ItemIndex(ctx.storage.sql);
    this.#replies = new KeptLog(ctx.storage.sql, "replies");
    this.#schedule();
  }

  /** Records that calls began: one commit for those that come in one message. Durable when it resolves. */
  async start(...records: CallStart[]): Promise<void> {
    this.#buffer.addStarts(records);
    this.#recorded();
  }

  /** Records how calls ended; durable when it resolves. Repeating it changes nothing. */
  async finish(messages: FinishMessage[]): Promise<void> {
    this.#buffer.addFinishes(messages);
    this.#recorded();
  }

  /** A call that D1 may not have yet; null when this object holds nothing of it. */
  async read(id: string): Promise<BufferedCall | null> {
    return this.#buffer.read(id);
  }

  /** The calls that D1 may not have yet, newest first. */
  async scan(options: ScanOptions): Promise<BufferScan> {
    return this.#buffer.scan(options);
  }

  /** Keeps a response for later calls, and where the items are that this object answers for; durable when it resolves. */
  async keepResponse(options: { response: Kept | null; items: ItemPlaces | null }): Promise<void> {
    const { response, items } = options;
    if (response !== null) {
      this.#makeRoom();
      this.#responses.keep(response);
    }
    if (items !== null) this.#items.add(items);
    this.#schedule();
  }

  /** A kept response and those that it goes on from, newest first; empty when the project has none of this id. */
  async responseChain(options: { id: string; projectId: string; most: number }): Promise<Kept[]> {
    return this.#responses.chain({ ...options, now: this.clock() });
  }

  /** The responses of these ids that are kept here; `rest` did not fit in the answer. */
  async responsesOf(options: {
    ids: readonly string[];
    projectId: string;
  }): Promise<{ found: Kept[]; rest: string[] }> {
    return this.#responses.several({ ...options, now: this.clock() });
  }

  /** Which responses items came with, of those that this object answers for. */
  async itemPlaces(options: { itemIds: readonly string[]; projectId: string }): Promise<ItemPlace[]> {
    return this.#items.find({ ...options, now: this.clock() });
  }

  /** False when the project has no such response. */
  async deleteResponse(options: { id: string; projectId: string }): Promise<boolean> {
    return this.#responses.delete(options);
  }

  /** Keeps a reply for the same request later. */
  async keepReply(kept: Kept): Promise<void> {
    this.#makeRoom();
    this.#replies.keep(kept);
    this.#replies.enforce(MAX_REPLIES);
    this.#schedule();
  }

  /** A kept reply; null when there is none, or it has expired. */
  async keptReply(options: { id: string; projectId: string }): Promise<Kept | null> {
    const [kept] = this.#replies.chain({ ...options, now: this.clock(), most: 1 });
    return kept ?? null;
  }

  async stats(): Promise<LedgerStats> {
    return { ...this.#buffer.counts, failures: this.#failures };
  }

  /** Writes to D1 all that is due. False when D1 failed: what is left is tried again by alarm, until it works. */
  flush(): Promise<boolean> {
    this.#flushing ??= this.#drain().finally(() => {
      this.#flushing = null;
      this.#schedule();
    });
    return this.#flushing;
  }

  override async alarm(): Promise<void> {
    this.#alarmAt = null;
    this.#responses.expire(this.clock());
    this.#items.expire(this.clock());
    this.#replies.expire(this.clock());
    if (this.clock() >= this.#retryAt) await this.flush();
    else this.#schedule();
  }

  async #drain(): Promise<boolean> {
    for (;;) {
      const now = this.clock();
      const lost = this.#buffer.markLost(now - LOST_AFTER_MS);
      if (lost > 0) console.warn(JSON.stringify({ event: "ledger_calls_lost", calls: lost }));
      const batch = this.#buffer.take({
        maxCalls: this.#batchCalls,
        maxBytes: FLUSH_BYTES,
        startedBefore: now - HOLD_START_MS,
      });
      if (!batch) return true;
      try {
        await withTimeout({
          promise: this.database.batch(ledgerStatements(this.database, batch)),
          ms: D1_TIMEOUT_MS,
        });
        this.#buffer.settle(batch);
        this.#failures = 0;
        this.#retryAt = 0;
        this.#batchCalls = Math.min(FLUSH_CALLS, 2 * this.#batchCalls);
      } catch (error) {
        if (!isRejection(error)) {
          this.#failed(error);
          return false;
        }
        // One row that D1 will never take must not hold up the rest: it is found by halving and then counted out.
        const calls = batch.readyIds.length + batch.startedIds.length;
        if (calls === 1) {
          this.#buffer.reject(batch);
          console.error(JSON.stringify({ event: "ledger_row_rejected", error: describe(error) }));
        } else {
          this.#batchCalls = Math.max(1, Math.floor(calls / 2));
        }
      }
    }
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    this.#retryAt = this.clock() + retryDelayMs({ failures: this.#failures, random: Math.random });
    // The first failure and then ever fewer: a long outage is not a flood of lines.
    if ((this.#failures & (this.#failures - 1)) === 0) {
      console.error(
        JSON.stringify({ event: "ledger_flush_failed", failures: this.#failures, error: describe(error) }),
      );
    }
  }

  #makeRoom(): void {
    const { sql } = this.ctx.storage;
    if (sql.databaseSize <= this.maxDatabaseBytes) return;
    const dropped = this.#replies.drop(DROP_ROWS) || this.#responses.drop(DROP_ROWS);
    console.warn(JSON.stringify({ event: "ledger_database_full", bytes: sql.databaseSize, dropped }));
  }

  #recorded(): void {
    const dropped = this.#buffer.enforce(this.limits);
    if (dropped.bodies > 0 || dropped.calls > 0) {
      console.error(JSON.stringify({ event: "ledger_buffer_full", ...dropped }));
    }
    const { readyCalls, readyBytes } = this.#buffer.counts;
    const full = readyCalls >= FLUSH_CALLS || readyBytes >= FLUSH_BYTES;
    if (full && this.#flushing === null && this.clock() >= this.#retryAt) this.ctx.waitUntil(this.flush());
    else this.#schedule();
  }

  /** Sets the alarm for whatever is due first; an earlier alarm that is already set will do. */
  #schedule(): void {
    const due: number[] = [];
    const { oldestUnwritten, oldestWritten, counts } = this.#buffer;
    if (counts.readyCalls > 0) due.push(this.clock() + FLUSH_AFTER_MS);
    if (oldestUnwritten !== null) due.push(oldestUnwritten + HOLD_START_MS);
    if (oldestWritten !== null) due.push(oldestWritten + LOST_AFTER_MS);
    for (const { nextExpiry: expiry } of [this.#responses, this.#items, this.#replies])
      if (expiry !== null) due.push(Math.max(expiry, this.clock() + EXPIRE_PAUSE_MS));
    if (due.length === 0) return;
    const at = Math.max(Math.min(...due), this.#retryAt);
    if (this.#alarmAt !== null && this.#alarmAt <= at) return;
    this.#alarmAt = at;
    this.ctx.waitUntil(this.ctx.storage.setAlarm(at));
  }
}

/** D1's message names tables and codes, never values. */
function describe(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : typeof error;
}
