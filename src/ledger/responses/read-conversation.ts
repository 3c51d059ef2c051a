import { RouteletError } from "../../errors.ts";
import type { Kept } from "../kept-log.ts";
import { askShard, byShard, openResponse, type StoreEnv, type Turn } from "./kept-responses.ts";
import { itemShard, responseOfItem, responseShard } from "./response-id.ts";

type Json = Record<string, unknown>;

/** A conversation of more turns, or of more bytes as they are kept, is refused: it has to fit in the Worker's memory. */
const MAX_TURNS = 1_000;
const MAX_BYTES = 32 * 1024 * 1024;

function tooLong(param: string): RouteletError {
  return new RouteletError({
    kind: "invalid_request",
    code: "conversation_too_long",
    message: `\`${param}\` leads to more than ${MAX_TURNS} stored responses, or ${MAX_BYTES} bytes of them. Send what is needed of it as \`input\` instead.`,
    param,
  });
}

interface Reading {
  env: StoreEnv;
  projectId: string;
}

/** Adds up what is read, and refuses to go on beyond the limits. */
function limited(param: string): (found: readonly Kept[]) => readonly Kept[] {
  let turns = 0;
  let bytes = 0;
  return (found) => {
    turns += found.length;
    for (const { ciphertext } of found) bytes += ciphertext.byteLength;
    if (turns > MAX_TURNS || bytes > MAX_BYTES) throw tooLong(param);
    return found;
  };
}

/** Responses by their ids, from all shards at once. */
async function readSeveral(
  { env, projectId }: Reading,
  ids: readonly string[],
  within: (found: readonly Kept[]) => readonly Kept[],
): Promise<Map<string, Turn>> {
  const turns = new Map<string, Turn>();
  const read = async (shard: number, own: readonly string[]): Promise<void> => {
    let rest = own;
    while (rest.length > 0) {
      const ids = rest;
      const answer = await askShard(env, shard, (stub) => stub.responsesOf({ ids, projectId }));
      for (const kept of within(answer.found)) {
        const turn = await openResponse(env, kept);
        if (turn !== null) turns.set(turn.id, turn);
      }
      rest = answer.rest;
    }
  };
  const groups = byShard(ids, (id) => responseShard(id, env));
  await Promise.all([...groups].map(([shard, own]) => read(shard, own)));
  return turns;
}

/**
 * All that was said up to a response, its own input and output included, oldest first. Null when it is not kept; a turn
 * before it that is kept no more ends the conversation there, as a deleted one does at OpenAI.
 *
 * @throws RouteletError `responses_unavailable`, `conversation_too_long`.
 */
export async function readConversation(options: Reading & { id: string }): Promise<Turn[] | null> {
  const { env, projectId, id } = options;
  const within = limited("previous_response_id");
  const turns: Turn[] = [];
  let next: string | null = id;
  while (next !== null) {
    const from: string = next;
    const shard = responseShard(from, env);
    const chain: Kept[] = await askShard(env, shard, (stub) =>
      stub.responseChain({ id: from, projectId, most: MAX_TURNS + 1 }),
    );
    for (const kept of within(chain)) {
      const turn = await openResponse(env, kept);
      if (turn === null) return ended(turns);
      turns.push(turn);
    }
    next = chain.at(-1)?.previousId ?? null;
    const ancestors = turns.at(-1)?.ancestors ?? [];
    // What is before is on other shards: all of it at once, and not shard by shard.
    if (next !== null && ancestors[0] === next && responseShard(next, env) !== shard) {
      const older = await readSeveral({ env, projectId }, ancestors, within);
      for (const ancestor of ancestors) {
        const turn = older.get(ancestor);
        if (turn === undefined) return ended(turns);
        turns.push(turn);
      }
      return ended(turns);
    }
  }
  return ended(turns);
}

const ended = (turns: Turn[]): Turn[] | null => (turns.length === 0 ? null : turns.reverse());

/**
 * Items of kept responses by their ids, and whether the response that they came with must stay on the owner's nodes.
 * What is not kept is left out.
 *
 * @throws RouteletError `responses_unavailable`, `conversation_too_long`.
 */
export async function readItems(
  options: Reading & { itemIds: readonly string[] },
): Promise<Map<string, { item: Json; stays: boolean }>> {
  const { env, projectId } = options;
  const itemIds = [...new Set(options.itemIds)];
  const known = itemIds.flatMap((itemId) => {
    const responseId = responseOfItem(itemId);
    return responseId === null ? [] : { itemId, responseId };
  });
  const asked = itemIds.filter((itemId) => responseOfItem(itemId) === null);
  const groups = byShard(asked, (itemId) => itemShard(itemId, env));
  const told = await Promise.all(
    [...groups].map(([shard, own]) =>
      askShard(env, shard, (stub) => stub.itemPlaces({ itemIds: own, projectId })),
    ),
  );
  const places = [...known, ...told.flat()];
  const ids = [...new Set(places.map(({ responseId }) => responseId))];
  const turns = await readSeveral({ env, projectId }, ids, limited("input"));
  return new Map(
    places.flatMap(({ itemId, responseId }) => {
      const turn = turns.get(responseId);
      const output = turn?.response.output;
      const item = Array.isArray(output) ? output.find((one: Json) => one.id === itemId) : undefined;
      return item === undefined ? [] : [[itemId, { item: item as Json, stays: turn?.stays === true }]];
    }),
  );
}
