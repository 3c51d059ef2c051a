import type { Call } from "../../dialects/call.ts";
import { inputItems, withHistory } from "../../dialects/openai-responses/parse.ts";
import { responseIdOf } from "../../dialects/openai-responses/response-object.ts";
import type { Env } from "../../env.ts";
import { RouteletError } from "../../errors.ts";
import { keepResponse, readConversation } from "../../ledger/responses/kept-responses.ts";

type Json = Record<string, unknown>;

/** What is done for a call whose dialect keeps replies. */
export interface Keeping {
  /** The call with what was said before it. */
  call: Call;
  /** False where the caller may expect a stored response and gets none: the answer's header says so. */
  stores: boolean;
  /** Keeps the reply; null where it is not to be kept. Durable when it resolves. */
  keep: ((reply: Json | null) => Promise<void>) | null;
}

function notAllowed(): RouteletError {
  return new RouteletError({
    kind: "invalid_request",
    code: "store_unavailable",
    message:
      "`store: true` cannot be honoured: no content of this call is kept here. Send `store: false`, and the conversation as `input`.",
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

/**
 * Prepares a call of the responses dialect: joins its history, and says how its reply is kept.
 *
 * @throws RouteletError `store_unavailable`, `previous_response_not_found`, `responses_unavailable`.
 */
export async function keepingOf(options: {
  env: Env;
  projectId: string;
  call: Call;
  callId: string;
  /** False for `local-only` calls and where the settings keep no content. */
  keepsContent: boolean;
  withoutContent: "refuse" | "ignore";
  now: () => number;
}): Promise<Keeping> {
  const { env, projectId, callId, keepsContent, now } = options;
  let call = options.call;
  if (call.store === "asked" && !keepsContent && options.withoutContent === "refuse") throw notAllowed();
  const previousId = call.previousResponseId ?? null;
  const own = inputItems(call.text);
  if (previousId !== null) {
    const turns = await readConversation({ env, projectId, id: previousId });
    if (turns === null) throw unknownPrevious(previousId);
    call = withHistory(
      call,
      turns.flatMap(({ input, response }) => [...input, ...outputOf(response)]),
    );
  }
  if (call.store === "no") return { call, stores: true, keep: null };
  if (!keepsContent) return { call: { ...call, store: "no" }, stores: false, keep: null };
  return {
    call,
    stores: true,
    async keep(reply) {
      if (reply === null) return;
      const id = typeof reply.id === "string" ? reply.id : responseIdOf(callId);
      await keepResponse({
        env,
        projectId,
        id,
        previousId,
        content: { input: own, response: { ...reply, previous_response_id: previousId, store: true } },
        now: now(),
      });
    },
  };
}

/** The items of a response as input of the next. A status is the reply's own affair: providers refuse it in some items. */
export function outputOf(response: Json): Json[] {
  return Array.isArray(response.output) ? (response.output as Json[]) : [];
}
