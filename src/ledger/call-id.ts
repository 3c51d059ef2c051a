import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";

/** Crockford's base32, in order of its characters: text order is number order. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const PREFIX = "call_";
const TIME_DIGITS = 10;
const RANDOM_DIGITS = 16;
const SHARD_DIGITS = 2;
const FORM = /^call_[0-9a-hjkmnp-tv-z]{28}$/;

/** How many shards an id has room for. */
const MAX_SHARDS = 1_024;

type ShardsEnv = Pick<Env, "ROUTELET_LEDGER_SHARDS">;

/**
 * A call's id: `call_`, a ULID (48 bits of milliseconds, 80 random bits) and the ledger's shard, so that ids
 * sort by time and a reader knows which object to ask.
 */
export function newCallId(options: {
  now: number;
  env: ShardsEnv;
  randomBytes?: (length: number) => Uint8Array;
}): string {
  const { now, env } = options;
  const bytes = options.randomBytes?.(RANDOM_DIGITS + 2) ?? crypto.getRandomValues(new Uint8Array(18));
  let random = "";
  for (let digit = 0; digit < RANDOM_DIGITS; digit++) random += ALPHABET.charAt((bytes[digit] ?? 0) & 31);
  const draw = ((bytes[RANDOM_DIGITS] ?? 0) << 8) | (bytes[RANDOM_DIGITS + 1] ?? 0);
  return PREFIX + encode(now, TIME_DIGITS) + random + encode(draw % ledgerShards(env), SHARD_DIGITS);
}

export function isCallId(text: string): boolean {
  return FORM.test(text);
}

/** The ledger shard that holds a call; null for a text that is no call id. */
export function shardOf(id: string): number | null {
  if (!isCallId(id)) return null;
  const [high, low] = [...id.slice(-SHARD_DIGITS)].map((digit) => ALPHABET.indexOf(digit));
  return (high ?? 0) * 32 + (low ?? 0);
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
  return PREFIX + encode(Math.max(0, Math.floor(time)), TIME_DIGITS);
}

function encode(value: number, digits: number): string {
  let text = "";
  let rest = value;
  for (let digit = 0; digit < digits; digit++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
