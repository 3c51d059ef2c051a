import type { Env } from "../../env.ts";
import { RouteletError } from "../../errors.ts";
import { secretsOf } from "../../security/derive.ts";
import { decryptBody, encryptBody } from "../../security/encryption.ts";
import type { Kept } from "../kept-log.ts";
import { ledgerShard } from "../shards.ts";
import { withTimeout } from "../with-timeout.ts";
import type { ItemPlace } from "./item-index.ts";
import { itemShard, responseOfItem, responseShard } from "./response-id.ts";

export type StoreEnv = Pick<
  Env,
  "LEDGER" | "ROUTELET_LEDGER_SHARDS" | "ROUTELET_SECRET" | "ROUTELET_SECRET_PREVIOUS"
>;

type Json = Record<string, unknown>;

/** What is kept of a response, opened: its own input items, without those that it goes on from, and the response. */
export interface ResponseContent {
  input: Json[];
  response: Json;
  /** Made by a call that must not leave the owner's nodes: no call that may leave goes on from it. */
  stays?: boolean;
  /** The events that told of it, where its client may come back for them. */
  events?: string;
  /** The responses before it, newest first: with several shards they are read at once, not one after the other. */
  ancestors?: string[];
}

/** A response as it is kept, with its id. */
export type Turn = ResponseContent & { id: string };

const TIMEOUT_MS = 5_000;
/** A message to the object takes 32 MiB. */
const MAX_KEPT_BYTES = 24 * 1024 * 1024;

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

function tooLarge(): RouteletError {
  return new RouteletError({
    kind: "too_large",
    code: "response_too_large_to_store",
    message: `The response and its input are more than the ${MAX_KEPT_BYTES} bytes that can be stored. Send the request with \`store: false\`.`,
    param: "store",
  });
}

/**
 * A message to a shard's object.
 *
 * @throws RouteletError `responses_unavailable`.
 */
export async function askShard<T>(
  env: StoreEnv,
  shard: number,
  ask: (stub: ReturnType<typeof ledgerShard>) => Promise<T>,
): Promise<T> {
  try {
    return await withTimeout({ promise: ask(ledgerShard(env, shard)), ms: TIMEOUT_MS });
  } catch (cause) {
    throw unavailable(cause);
  }
}

/** Groups by shard, so that each object gets one message. */
export function byShard<T>(items: readonly T[], shardOf: (item: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const shard = shardOf(item);
    groups.set(shard, [...(groups.get(shard) ?? []), item]);
  }
  return groups;
}

/** Items of a response whose ids do not say where they are. */
function placesOf(id: string, { output }: Json): ItemPlace[] {
  if (!Array.isArray(output)) return [];
  return output.flatMap(({ id: itemId }: Json) =>
    typeof itemId === "string" && responseOfItem(itemId) === null ? { itemId, responseId: id } : [],
  );
}

/**
 * Keeps a response, encrypted; it is durable when this resolves.
 *
 * @throws RouteletError `responses_unavailable`, `response_too_large_to_store`.
 */
export async function keepResponse(options: {
  env: StoreEnv;
  projectId: string;
  id: string;
  previousId: string | null;
  content: ResponseContent;
  now: number;
  keepMs: number;
}): Promise<void> {
  const { env, projectId, id, previousId, content, now } = options;
  const body = await encryptBody({
    secrets: secretsOf(env),
    place: { projectId, rowId: id, column: COLUMN },
    plaintext: new TextEncoder().encode(JSON.stringify(content)),
  });
  if (body.ciphertext.byteLength > MAX_KEPT_BYTES) throw tooLarge();
  const expiresAt = now + options.keepMs;
  const kept: Kept = { id, projectId, previousId, createdAt: now, expiresAt, ...body };
  const home = responseShard(id, env);
  const places = byShard(placesOf(id, content.response), ({ itemId }) => itemShard(itemId, env));
  const shards = new Set([home, ...places.keys()]);
  await Promise.all(
    [...shards].map((shard) => {
      const own = places.get(shard);
      const items = own === undefined ? null : { projectId, places: own, expiresAt };
      return askShard(env, shard, (stub) =>
        stub.keepResponse({ response: shard === home ? kept : null, items }),
      );
    }),
  );
}

/** Null for what its secret does not open any more. */
export async function openResponse(
  env: StoreEnv,
  { ciphertext, iv, keyId, compression, id, projectId }: Kept,
): Promise<Turn | null> {
  const opened = await decryptBody({
    secrets: secretsOf(env),
    place: { projectId, rowId: id, column: COLUMN },
    body: { ciphertext, iv, keyId, compression },
  });
  if (!opened.ok) {
    console.error(JSON.stringify({ event: "response_not_opened", reason: opened.reason }));
    return null;
  }
  const content = JSON.parse(new TextDecoder().decode(opened.plaintext)) as ResponseContent;
  return { ...content, id };
}

/**
 * A kept response of the project; null when there is none, it has expired, or its secret is gone.
 *
 * @throws RouteletError `responses_unavailable`.
 */
export async function readResponse(options: {
  env: StoreEnv;
  projectId: string;
  id: string;
}): Promise<Turn | null> {
  const { env, projectId, id } = options;
  const [kept] = await askShard(env, responseShard(id, env), (stub) =>
    stub.responseChain({ id, projectId, most: 1 }),
  );
  return kept === undefined ? null : openResponse(env, kept);
}

/**
 * Changes a kept response; false when the project has none of this id. Its times stay.
 *
 * @throws RouteletError `responses_unavailable`, `response_too_large_to_store`.
 */
export async function updateResponse(options: {
  env: StoreEnv;
  projectId: string;
  id: string;
  change: (content: ResponseContent) => ResponseContent;
}): Promise<boolean> {
  const { env, projectId, id } = options;
  const [kept] = await askShard(env, responseShard(id, env), (stub) =>
    stub.responseChain({ id, projectId, most: 1 }),
  );
  const turn = kept === undefined ? null : await openResponse(env, kept);
  if (kept === undefined || turn === null) return false;
  const { id: _id, ...content } = turn;
  const { previousId, createdAt, expiresAt } = kept;
  await keepResponse({
    env,
    projectId,
    id,
    previousId,
    content: options.change(content),
    now: createdAt,
    keepMs: expiresAt - createdAt,
  });
  return true;
}

/**
 * Deletes a kept response. False when the project has none of this id.
 *
 * @throws RouteletError `responses_unavailable`.
 */
export function deleteResponse(options: { env: StoreEnv; projectId: string; id: string }): Promise<boolean> {
  const { env, id, projectId } = options;
  return askShard(env, responseShard(id, env), (stub) => stub.deleteResponse({ id, projectId }));
}
