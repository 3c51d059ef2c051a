import type { Env } from "../env.ts";
import type { Ledger } from "./ledger.ts";

/** The object of one shard. A stub belongs to the request that made it. */
export function ledgerShard(env: Pick<Env, "LEDGER">, shard: number): DurableObjectStub<Ledger> {
  return env.LEDGER.getByName(`shard-${shard}`);
}
