import type { Env } from "../../env.ts";
import { RouteletError } from "../../errors.ts";
import { secretsOf } from "../../security/derive.ts";
import { decryptBody, encryptBody } from "../../security/encryption.ts";
import type { Kept } from "../kept-log.ts";
import { ledgerShard } from "../shards.ts";
import { withTimeout } from "../with-timeout.ts";
import { responseShard } from "./response-id.ts";

type StoreEnv = Pick<
  Env,
  "LEDGER" | "ROUTELET_LEDGER_SHARDS" | "ROUTELET_SECRET" | "ROUTELET_SECRET_PREVIOUS"
>;

type Json = Record<string, unknown>;

/** What is kept of a response, opened: its own input items, without those that it goes on from, and the response. */
export interface ResponseContent {
  input: Json[];
  response: Json;
}

/** OpenAI keeps responses for 30 days (API reference, "store"). */
const KEEP_MS = 30 * 24 * 60 * 60_000;
const TIMEOUT_MS = 5_000;
/** A conversation of more turns is refused: each costs a decryption. */
const MAX_TURNS = 1_000;
/** Turns that one message of the object brings, so that it stays below the 32 MiB of a message. */
const TURNS_AT_ONCE = 50;

const COLUMN = "response";

function unavailable(cause: unknown): RouteletError {
  return new RouteletError({
    kind: "unavailable",
    code: "responses_unavailable",
    message:
      "Stored responses cannot be reached right now. Try again, or send the request with `store: false`.",
    retryable: true,
    retryAfterSeconds: 1,
    cause,
  });
}

/**
 * Keeps a response, encrypted; it is durable when this resolves.
 *
 * @throws RouteletError `responses_unavailable`.
 */
export async function keepResponse(options: {
  env: StoreEnv;
  projectId: string;
  id: string;
  previousId: string | null;
  content: ResponseContent;
  now: number;
}): Promise<void> {
  const { env, projectId, id, previousId, content, now } = options;
  const body = await encryptBody({
    secrets: secretsOf(env),
    place: { projectId, rowId: id, column: COLUMN },
    plaintext: new TextEncoder().encode(JSON.stringify(content)),
  });
  const kept: Kept = { id, projectId, previousId, createdAt: now, expiresAt: now + KEEP_MS, ...body };
  try {
    await withTimeout({
      promise: ledgerShard(env, responseShard(id, env)).keepResponse(kept),
      ms: TIMEOUT_MS,
    });
  } catch (cause) {
    throw unavailable(cause);
  }
}

async function open(
  env: StoreEnv,
  { ciphertext, iv, keyId, compression, ...kept }: Kept,
): Promise<ResponseContent | null> {
  const opened = await decryptBody({
    secrets: secretsOf(env),
    place: { projectId: kept.projectId, rowId: kept.id, column: COLUMN },
    body: { ciphertext, iv, keyId, compression },
  });
  if (!opened.ok) {
    console.error(JSON.stringify({ event: "response_not_opened", reason: opened.reason }));
    return null;
  }
  return JSON.parse(new TextDecoder().decode(opened.plaintext)) as ResponseContent;
}

async function chain(options: {
  env: StoreEnv;
  projectId: string;
  id: string;
  most: number;
}): Promise<Kept[]> {
  const { env, id, projectId, most } = options;
  try {
    const stub = ledgerShard(env, responseShard(id, env));
    return await withTimeout({ promise: stub.responseChain({ id, projectId, most }), ms: TIMEOUT_MS });
  } catch (cause) {
    throw unavailable(cause);
  }
}

/** A kept response of the project; null when there is none, it has expired, or its secret is gone. */
export async function readResponse(options: {
  env: StoreEnv;
  projectId: string;
  id: string;
}): Promise<{ content: ResponseContent; previousId: string | null } | null> {
  const [kept] = await chain({ ...options, most: 1 });
  if (kept === undefined) return null;
  const content = await open(options.env, kept);
  return content === null ? null : { content, previousId: kept.previousId };
}

/**
 * All that was said up to a response, its own input and output included, oldest first. Null when it is not kept; a turn
 * before it that is kept no more ends the conversation there, as a deleted one does at OpenAI.
 *
 * @throws RouteletError `responses_unavailable`, `conversation_too_long`.
 */
export async function readConversation(options: {
  env: StoreEnv;
  projectId: string;
  id: string;
}): Promise<ResponseContent[] | null> {
  const { env, projectId } = options;
  const turns: ResponseContent[] = [];
  let next: string | null = options.id;
  while (next !== null) {
    const found: Kept[] = await chain({ env, projectId, id: next, most: TURNS_AT_ONCE });
    if (found.length === 0) break;
    for (const kept of found) {
      const content = await open(env, kept);
      if (content === null) return turns.length === 0 ? null : turns.reverse();
      turns.push(content);
    }
    next = found.at(-1)?.previousId ?? null;
    if (turns.length >= MAX_TURNS && next !== null) {
      throw new RouteletError({
        kind: "invalid_request",
        code: "conversation_too_long",
        message: `The conversation behind \`previous_response_id\` has more than ${MAX_TURNS} turns. Send what is needed of it as \`input\` instead.`,
        param: "previous_response_id",
      });
    }
  }
  return turns.length === 0 ? null : turns.reverse();
}

/** Deletes a kept response. False when the project has none of this id. */
export async function deleteResponse(options: {
  env: StoreEnv;
  projectId: string;
  id: string;
}): Promise<boolean> {
  const { env, id, projectId } = options;
  try {
    const stub = ledgerShard(env, responseShard(id, env));
    return await withTimeout({ promise: stub.deleteResponse({ id, projectId }), ms: TIMEOUT_MS });
  } catch (cause) {
    throw unavailable(cause);
  }
}
