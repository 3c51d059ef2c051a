import type { Env } from "../../env.ts";
import { ledgerShards, shardOf } from "../call-id.ts";

/**
 * The ledger shard that keeps a response. Ids that the gateway made carry their call's; those of a provider are
 * spread by FNV-1a. The number of shards may grow: then a provider's id may lead to another shard, so the answer
 * holds only while it stays.
 */
export function responseShard(id: string, env: Pick<Env, "ROUTELET_LEDGER_SHARDS">): number {
  const own = shardOf(id.replace(/^resp_/, "call_"));
  if (own !== null) return own;
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) {
    hash ^= id.charCodeAt(at);
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash >>> 0) % ledgerShards(env);
}
