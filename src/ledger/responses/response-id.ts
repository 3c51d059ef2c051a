import { SORTABLE_ID } from "../../db/sortable-id.ts";
import type { Env } from "../../env.ts";
import { fnv1a } from "../../routing/fnv.ts";
import { isCallId, ledgerShards, shardOf } from "../call-id.ts";

type ShardsEnv = Pick<Env, "ROUTELET_LEDGER_SHARDS">;

/** An item of a response that the gateway made: its kind, the response's own part, and its place in the output. */
const OWN_ITEM = new RegExp(`^[a-z]+_(${SORTABLE_ID}[0-9a-hjkmnp-tv-z]{2})_\\d+$`);

/** Ids that a provider made are spread by FNV-1a. */
function spread(id: string, env: ShardsEnv): number {
  return fnv1a(id) % ledgerShards(env);
}

/**
 * The ledger shard that keeps a response. Ids that the gateway made carry their call's; those of a provider are
 * spread. The number of shards may grow: then a provider's id may lead to another shard, so the answer holds only
 * while it stays.
 */
export function responseShard(id: string, env: ShardsEnv): number {
  return shardOf(id.replace(/^resp_/, "call_")) ?? spread(id, env);
}

/** The ledger shard that knows which response an item came with; only for ids that do not say it themselves. */
export function itemShard(itemId: string, env: ShardsEnv): number {
  return spread(itemId, env);
}

/** The response that an item's id names; null for an id that a provider made. */
export function responseOfItem(itemId: string): string | null {
  const own = OWN_ITEM.exec(itemId)?.[1];
  return own !== undefined && isCallId(`call_${own}`) ? `resp_${own}` : null;
}
