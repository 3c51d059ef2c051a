import type { Env } from "../../env.ts";
import { secretsOf } from "../../security/derive.ts";
import { decryptBody, encryptBody } from "../../security/encryption.ts";
import { ledgerShards } from "../call-id.ts";
import { ledgerShard } from "../shards.ts";
import { withTimeout } from "../with-timeout.ts";

type CacheEnv = Pick<
  Env,
  "LEDGER" | "ROUTELET_LEDGER_SHARDS" | "ROUTELET_SECRET" | "ROUTELET_SECRET_PREVIOUS"
>;

/** A reply as it was given out. */
export interface CachedReply {
  contentType: string;
  /** `llm/<provider>/<model>` or `slm/<model>`. */
  servedBy: string;
  bytes: Uint8Array;
}

/** A cache that hangs must not hold up the call that it is to spare. */
const TIMEOUT_MS = 1_000;
const COLUMN = "reply";

const shardOfKey = (key: string, env: CacheEnv): number =>
  Number.parseInt(key.slice(0, 8), 16) % ledgerShards(env);

/** The head in JSON, a line feed, the bytes: a stream's bytes need no second encoding. */
function pack({ bytes, ...head }: CachedReply): Uint8Array {
  const line = new TextEncoder().encode(`${JSON.stringify(head)}\n`);
  const packed = new Uint8Array(line.byteLength + bytes.byteLength);
  packed.set(line);
  packed.set(bytes, line.byteLength);
  return packed;
}

function unpack(packed: Uint8Array): CachedReply {
  const end = packed.indexOf(0x0a);
  const head = JSON.parse(new TextDecoder().decode(packed.subarray(0, end))) as Omit<CachedReply, "bytes">;
  return { ...head, bytes: packed.slice(end + 1) };
}

/** A kept reply by its key (`cache-key.ts`); null when there is none, or the ledger does not answer in time. */
export async function readCachedReply(options: {
  env: CacheEnv;
  projectId: string;
  key: string;
}): Promise<CachedReply | null> {
  const { env, projectId, key } = options;
  try {
    const stub = ledgerShard(env, shardOfKey(key, env));
    const kept = await withTimeout({ promise: stub.keptReply({ id: key, projectId }), ms: TIMEOUT_MS });
    if (kept === null) return null;
    const { ciphertext, iv, keyId, compression } = kept;
    const opened = await decryptBody({
      secrets: secretsOf(env),
      place: { projectId, rowId: key, column: COLUMN },
      body: { ciphertext, iv, keyId, compression },
    });
    return opened.ok ? unpack(opened.plaintext) : null;
  } catch (cause) {
    console.error(JSON.stringify({ event: "cache_read_failed", cause: String(cause) }));
    return null;
  }
}

/** Keeps a reply; behind the response. */
export async function keepCachedReply(options: {
  env: CacheEnv;
  projectId: string;
  key: string;
  reply: CachedReply;
  now: number;
  ttlMs: number;
}): Promise<void> {
  const { env, projectId, key, reply, now, ttlMs } = options;
  try {
    const body = await encryptBody({
      secrets: secretsOf(env),
      place: { projectId, rowId: key, column: COLUMN },
      plaintext: pack(reply),
    });
    const kept = { id: key, projectId, previousId: null, createdAt: now, expiresAt: now + ttlMs, ...body };
    await ledgerShard(env, shardOfKey(key, env)).keepReply(kept);
  } catch (cause) {
    console.error(JSON.stringify({ event: "cache_write_failed", cause: String(cause) }));
  }
}
