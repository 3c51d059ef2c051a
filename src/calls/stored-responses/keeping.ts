import type { Call } from "../../dialects/call.ts";
import {
  inputItems,
  outputItems,
  resolveReferences,
  withHistory,
} from "../../dialects/openai-responses/history.ts";
import { isUnfinished, responseIdOf } from "../../dialects/openai-responses/response-object.ts";
import type { Env } from "../../env.ts";
import { RouteletError } from "../../errors.ts";
import { keepResponse, type Turn } from "../../ledger/responses/kept-responses.ts";
import { readConversation, readItems } from "../../ledger/responses/read-conversation.ts";
import type { Settings } from "../../settings.ts";

type Json = Record<string, unknown>;

const DAY_MS = 24 * 60 * 60_000;

/** A larger request is answered, but not kept: the object that would keep it takes 32 MiB at once. */
const MAX_KEPT_CHARS = 16 * 1024 * 1024;

/** What is done for a call whose dialect keeps replies. */
export interface Keeping {
  /** The call with what was said before it. */
  call: Call;
  /** False where the caller may expect a stored response and gets none: the answer's header says so. */
  stores: boolean;
  /** Keeps the reply; null where it is not to be kept. Durable when it resolves. */
  keep: ((reply: Json | null) => Promise<void>) | null;
}

function notAllowed(why: string): RouteletError {
  return new RouteletError({
    kind: "invalid_request",
    code: "store_unavailable",
    message: `\`store: true\` cannot be honoured: ${why}. Send \`store: false\`, and the conversation as \`input\`.`,
    param: "store",
  });
}

function unknownPrevious(id: string): RouteletError {
  return new RouteletError({
    kind: "invalid_request",
    code: "previous_response_not_found",
    message: `Previous response with id '${id}' not found. It may have expired or been deleted, or was made with \`store: false\`.`,
    param: "previous_response_id",
  });
}

function unfinished(id: string, status: unknown): RouteletError {
  return new RouteletError({
    kind: "invalid_request",
    code: "response_not_finished",
    message: `Previous response '${id}' is still ${String(status)}. Go on from it when it has been made.`,
    param: "previous_response_id",
  });
}

function mustStay(param: string): RouteletError {
  return new RouteletError({
    kind: "invalid_request",
    code: "conversation_must_stay",
    message: `\`${param}\` leads to a response of a call that must not leave your nodes, and this call may leave them. Go on with \`model: slm\` or \`x-routelet-route: slm\`.`,
    param,
  });
}

/** Why no reply of the call can be kept; null when it can. */
function obstacle(call: Call, keepsContent: boolean): string | null {
  if (!keepsContent) return "no content of this call is kept here";
  return call.text.length > MAX_KEPT_CHARS
    ? `the request is longer than the ${MAX_KEPT_CHARS} characters that are kept`
    : null;
}

interface Past {
  turns: Turn[];
  items: ReadonlyMap<string, Json>;
}

/** What the call goes on from, by `previous_response_id` and by `item_reference`. */
async function readPast(options: {
  env: Env;
  projectId: string;
  call: Call;
  mayLeave: boolean;
}): Promise<Past> {
  const { env, projectId, call, mayLeave } = options;
  const id = call.previousResponseId ?? null;
  const itemIds = call.itemReferences ?? [];
  const [turns, items] = await Promise.all([
    id === null ? [] : readConversation({ env, projectId, id }),
    itemIds.length === 0 ? null : readItems({ env, projectId, itemIds }),
  ]);
  if (turns === null) throw unknownPrevious(id ?? "");
  const last = turns.at(-1);
  if (last !== undefined && isUnfinished(last.response)) throw unfinished(last.id, last.response.status);
  if (mayLeave && turns.some(({ stays }) => stays)) throw mustStay("previous_response_id");
  const found = [...(items ?? [])];
  if (mayLeave && found.some(([, { stays }]) => stays)) throw mustStay("input");
  return { turns, items: new Map(found.map(([itemId, { item }]) => [itemId, item])) };
}

/**
 * Prepares a call of the responses dialect: joins its history, and says how its reply is kept.
 *
 * @throws RouteletError `store_unavailable`, `previous_response_not_found`, `conversation_must_stay`,
 * `conversation_too_long`, `responses_unavailable`.
 */
export async function keepingOf(options: {
  env: Env;
  projectId: string;
  call: Call;
  callId: string;
  settings: Pick<Settings, "content" | "ledger" | "responses">;
  /** Whether a cloud provider may answer: what must stay on the owner's nodes is not joined to such a call. */
  mayLeave: boolean;
  localOnly: boolean;
  now: () => number;
}): Promise<Keeping> {
  const { env, projectId, callId, settings, mayLeave, now } = options;
  const keepsContent = settings.content.store === "encrypted" && settings.ledger.record && !options.localOnly;
  const why = obstacle(options.call, keepsContent);
  if (options.call.store === "asked" && why !== null && settings.responses.storeWithoutContent === "refuse")
    throw notAllowed(why);
  const { turns, items } = await readPast(options);
  const keeps = options.call.store !== "no" && why === null;
  let { call } = options;
  const own =
    keeps || turns.length > 0 || items.size > 0 ? resolveReferences(inputItems(call.text), items) : [];
  if (turns.length > 0 || items.size > 0) {
    const history = turns.flatMap(({ input, response }) => [...input, ...outputItems(response)]);
    call = withHistory(call, history, own);
  }
  if (!keeps) return { call: { ...call, store: "no" }, stores: options.call.store === "no", keep: null };
  const previousId = call.previousResponseId ?? null;
  const ancestors = turns.map(({ id }) => id).reverse();
  return {
    call,
    stores: true,
    async keep(reply) {
      if (reply === null) return;
      await keepResponse({
        env,
        projectId,
        id: responseIdOf(callId),
        previousId,
        content: {
          input: own,
          response: { ...reply, previous_response_id: previousId, store: true },
          ...(mayLeave ? {} : { stays: true }),
          ...(ancestors.length === 0 ? {} : { ancestors }),
        },
        now: now(),
        keepMs: settings.responses.keepDays * DAY_MS,
      });
    },
  };
}
