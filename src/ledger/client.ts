import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import { shardOf } from "./call-id.ts";
import { FinishQueue, type OpenContent } from "./finish-queue.ts";
import type { CallFinish, CallStart } from "./records.ts";
import { ledgerShard } from "./shards.ts";
import { StartQueue, type StartSender } from "./start-queue.ts";

type LedgerEnv = Pick<Env, "LEDGER">;

/** Ends wait this long for others of the same isolate: one message to the object for all of them. */
const GATHER_MS = 20;
/** `waitUntil` ends after 30 s: what has not arrived by then is taken along by the next call's end. */
const GIVE_UP_MS = 25_000;
const START_TRIES = 3;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 4_000;

/** How one isolate speaks to the ledger. */
export class LedgerClient {
  readonly #starts = new Map<number, StartQueue>();
  readonly #queues = new Map<number, FinishQueue>();

  /**
   * Records that a call began. Send it together with the dispatch and await it before the first released byte:
   * the record is durable when this resolves.
   * @throws RouteletError `ledger_unavailable` when the ledger cannot be reached.
   */
  async start(options: {
    env: LedgerEnv;
    record: CallStart;
    waitUntil: (promise: Promise<unknown>) => void;
  }): Promise<void> {
    const { env, record, waitUntil } = options;
    const shard = shardFor(record.id);
    const queue = this.#startQueue(shard);
    const { news, sender } = queue.add(record, Date.now());
    if (sender !== null) waitUntil(this.#sendStarts({ env, shard, queue, sender }));
    if ((await news) === "durable") return;
    for (let attempt = 1; ; attempt++) {
      try {
        return await ledgerShard(env, shard).start(record);
      } catch (cause) {
        if (attempt === START_TRIES || isOverloaded(cause)) throw unavailable(cause);
        await scheduler.wait(retryDelay(attempt));
      }
    }
  }

  /**
   * Records how a call ended, behind the response. Give the start too where `start` failed or was never awaited,
   * so that the end does not depend on it.
   */
  finish(options: {
    env: LedgerEnv;
    record: CallFinish;
    start?: CallStart;
    /** What the record's `bodies` will be. */
    content?: OpenContent;
    waitUntil: (promise: Promise<unknown>) => void;
  }): void {
    const { env, record, waitUntil } = options;
    const shard = shardFor(record.id);
    const queue = this.#queue(shard);
    const dropped = queue.add({ finish: record, start: options.start ?? null }, options.content);
    if (dropped.calls > 0 || dropped.bodies > 0) {
      console.error(JSON.stringify({ event: "ledger_queue_full", shard, ...dropped }));
    }
    const now = Date.now();
    if (queue.isFull) waitUntil(this.#send({ env, shard, queue, since: now }));
    else if (queue.needsSender(now)) {
      queue.senderDueAt = now + GATHER_MS;
      waitUntil(scheduler.wait(GATHER_MS).then(() => this.#send({ env, shard, queue, since: now })));
    }
  }

  #startQueue(shard: number): StartQueue {
    const queue = this.#starts.get(shard) ?? new StartQueue();
    this.#starts.set(shard, queue);
    return queue;
  }

  /** What fails together is tried again alone, by the requests that it belongs to: one cannot spoil it for the others. */
  async #sendStarts(options: {
    env: LedgerEnv;
    shard: number;
    queue: StartQueue;
    sender: StartSender;
  }): Promise<void> {
    const { env, shard, queue, sender } = options;
    for (;;) {
      const records = queue.take(sender, Date.now());
      if (records === null) return;
      try {
        await ledgerShard(env, shard).start(...records);
        queue.settle(sender, "durable");
      } catch {
        queue.settle(sender, "alone");
      }
    }
  }

  #queue(shard: number): FinishQueue {
    const queue = this.#queues.get(shard) ?? new FinishQueue();
    this.#queues.set(shard, queue);
    return queue;
  }

  /** Sends all that waits; a message leaves the queue when the object has it, so a sender that dies loses nothing. */
  async #send(options: { env: LedgerEnv; shard: number; queue: FinishQueue; since: number }): Promise<void> {
    const { env, shard, queue, since } = options;
    queue.senderDueAt = null;
    for (let failures = 0; ; ) {
      const messages = await queue.lease(Date.now());
      if (messages.length === 0) return;
      try {
        await ledgerShard(env, shard).finish(messages);
        queue.settle(messages);
        failures = 0;
      } catch {
        queue.release(messages);
        failures += 1;
        const delay = retryDelay(failures);
        if (Date.now() - since + delay > GIVE_UP_MS) {
          console.error(
            JSON.stringify({ event: "ledger_finish_delayed", shard, failures, waiting: queue.size }),
          );
          return;
        }
        await scheduler.wait(delay);
      }
    }
  }
}

const isolateClient = new LedgerClient();

/** `LedgerClient.start`, through this isolate's client. */
export function startCall(options: Parameters<LedgerClient["start"]>[0]): Promise<void> {
  return isolateClient.start(options);
}

/** `LedgerClient.finish`, through this isolate's client. */
export function finishCall(options: Parameters<LedgerClient["finish"]>[0]): void {
  isolateClient.finish(options);
}

function shardFor(id: string): number {
  const shard = shardOf(id);
  if (shard !== null) return shard;
  throw new RouteletError({ kind: "internal", code: "call_id_invalid", message: "A call has no valid id." });
}

function unavailable(cause: unknown): RouteletError {
  return new RouteletError({
    kind: "unavailable",
    code: "ledger_unavailable",
    message: "The gateway cannot record calls right now.",
    retryable: true,
    retryAfterSeconds: 1,
    cause,
  });
}

/** Retrying an overloaded object makes it worse (Durable Objects, error handling). */
function isOverloaded(error: unknown): boolean {
  return error instanceof Error && "overloaded" in error && error.overloaded === true;
}

function retryDelay(failures: number): number {
  const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10));
  return longest / 2 + (Math.random() * longest) / 2;
}
