import { fromBase32, SORTABLE_ID, sortableId, timeDigits, toBase32 } from "../db/sortable-id.ts";
import { RouteletError } from "../errors.ts";

const PREFIX = "call_";
const SHARD_DIGITS = 2;
const FORM = new RegExp(`^call_${SORTABLE_ID}[0-9a-hjkmnp-tv-z]{2}$`);

/** How many shards an id has room for. */
const MAX_SHARDS = 1_024;

interface ShardsEnv {
  ROUTELET_LEDGER_SHARDS?: string;
}

/**
 * A call's id: `call_`, a ULID (48 bits of milliseconds, 80 random bits) and the ledger's shard, so that ids
 * sort by time and a reader knows which object to ask.
 */
export function newCallId(options: { now: number; env: ShardsEnv }): string {
  const draw = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const shard = toBase32({ value: draw % ledgerShards(options.env), digits: SHARD_DIGITS });
  return PREFIX + sortableId(options.now) + shard;
}

export function isCallId(text: string): boolean {
  return FORM.test(text);
}

/** The ledger shard that holds a call; null for a text that is no call id. */
export function shardOf(id: string): number | null {
  return isCallId(id) ? fromBase32(id.slice(-SHARD_DIGITS)) : null;
}

/**
 * How many ledger objects share the calls: one object takes some hundred calls a second. May be raised at any
 * time, never lowered (a list asks each shard for what D1 does not have yet).
 * @throws RouteletError `ledger_shards_invalid` for a value that is no count.
 */
export function ledgerShards(env: ShardsEnv): number {
  const shards = Number(env.ROUTELET_LEDGER_SHARDS || 1);
  if (Number.isInteger(shards) && shards >= 1 && shards <= MAX_SHARDS) return shards;
  throw new RouteletError({
    kind: "internal",
    code: "ledger_shards_invalid",
    message: `ROUTELET_LEDGER_SHARDS must be a whole number from 1 to ${MAX_SHARDS}.`,
  });
}

/** No call that started at `time` or later has a smaller id: the bound of a range in time. */
export function firstIdAt(time: number): string {
  return PREFIX + timeDigits(time);
}
