import { PROVIDER_KEY_HEADER } from "../../backends/caller-keys.ts";
import { createByteLog } from "../../byte-log.ts";
import type { Call } from "../../dialects/call.ts";
import type { Env } from "../../env.ts";
import { RouteletError } from "../../errors.ts";
import { type CachedReply, keepCachedReply, readCachedReply } from "../../ledger/cache/cached-replies.ts";
import type { Target } from "../../routing/target.ts";
import type { CallSession } from "../call-session.ts";
import { cacheKey, isDeterministic } from "./cache-key.ts";

const MODES = ["read", "write", "off"] as const;
type Mode = (typeof MODES)[number];

/** The largest reply that is kept, in bytes. */
const MAX_REPLY_BYTES = 4 * 1024 * 1024;

/** What the reply cache does for one call. */
export interface ReplyCache {
  hit: CachedReply | null;
  /** Follows the bytes of a reply on its way out. */
  copy(bytes: Uint8Array): void;
  /** The reply was given out whole: it is kept, behind the response. */
  keep(reply: Omit<CachedReply, "bytes">): void;
}

/** @throws RouteletError `invalid_cache_mode`. */
export function readCacheMode(header: string | null): Mode | null {
  if (header === null || header.trim() === "") return null;
  const word = header.trim().toLowerCase();
  const mode = MODES.find((known) => known === word);
  if (mode !== undefined) return mode;
  throw new RouteletError({
    kind: "invalid_request",
    code: "invalid_cache_mode",
    message: `\`x-routelet-cache\` must be one of ${MODES.join(", ")}.`,
    param: "x-routelet-cache",
  });
}

/** Whether a reply to this call may be kept at all. */
function mayKeep(call: Call, target: Target, session: CallSession, headers: Headers): boolean {
  // Another account answers, and whether it may is looked at where its key is.
  if (headers.has(PROVIDER_KEY_HEADER)) return false;
  if (target.kind === "slm" && target.localOnly) return false;
  const { content } = session.settings;
  if (content.store === "off" || content.redact) return false;
  if (call.store !== undefined && call.store !== "no") return false;
  return call.dialect === "openai-embeddings" || isDeterministic(call.text);
}

/**
 * Looks a call up where it asks for that, by `x-routelet-cache` or by the project's setting. `read` looks up and keeps what
 * it did not find, `write` asks anew and replaces. Null where the cache has nothing to do with the call.
 *
 * @throws RouteletError `invalid_cache_mode`.
 */
export async function openReplyCache(options: {
  env: Env;
  request: Request;
  session: CallSession;
  call: Call;
  target: Target;
}): Promise<ReplyCache | null> {
  const { env, request, session, call, target } = options;
  const { settings, caller, waitUntil, now } = session;
  const asked = readCacheMode(request.headers.get("x-routelet-cache"));
  const mode = asked ?? settings.cache.mode;
  if (mode === "off") return null;
  if (!mayKeep(call, target, session, request.headers)) {
    if (asked !== null) session.cache = "bypass";
    return null;
  }
  const { projectId, keyId, returnRequestedModel } = caller;
  const route = request.headers.get("x-routelet-route");
  const key = await cacheKey({
    call,
    projectId,
    keyId,
    returnRequestedModel,
    route,
    headers: request.headers,
    settings,
  });
  const hit = mode === "read" ? await readCachedReply({ env, projectId, key }) : null;
  session.cache = hit === null ? "miss" : "hit";
  const copy = createByteLog(MAX_REPLY_BYTES);
  let size = 0;
  return {
    hit,
    copy(bytes) {
      size += bytes.byteLength;
      copy.add(bytes);
    },
    keep(head) {
      if (size === 0 || size > MAX_REPLY_BYTES) return;
      const reply = { ...head, bytes: copy.bytes() };
      const ttlMs = settings.cache.ttlSeconds * 1_000;
      waitUntil(keepCachedReply({ env, projectId, key, reply, now: now(), ttlMs }));
    },
  };
}
