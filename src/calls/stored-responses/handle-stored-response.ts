import { renderOpenAiError } from "../../dialects/openai-chat/error.ts";
import { outputItems } from "../../dialects/openai-responses/history.ts";
import { written } from "../../dialects/openai-responses/render.ts";
import { replayEvents } from "../../dialects/openai-responses/replay.ts";
import { isUnfinished } from "../../dialects/openai-responses/response-object.ts";
import type { Env } from "../../env.ts";
import { RouteletError, toRouteletError } from "../../errors.ts";
import { deleteResponse, readResponse, type Turn } from "../../ledger/responses/kept-responses.ts";
import { readConversation } from "../../ledger/responses/read-conversation.ts";
import { eventsAfter } from "../background/event-log.ts";
import { followBackground } from "../background/follow-background.ts";
import { logInternal } from "../log-internal.ts";
import { openVisit, type Visit } from "../open-visit.ts";

type Json = Record<string, unknown>;

/** `compact` and `input_tokens` are endpoints of their own, and no ids. */
const ROUTE = /^\/v1\/responses\/(?!(?:compact|input_tokens)$)([^/]+)(?:\/(input_items|cancel))?$/;

/** Whether a path is one of a stored response. */
export function isStoredResponsePath(path: string): boolean {
  return ROUTE.test(path);
}

function notFound(id: string): RouteletError {
  return new RouteletError({
    kind: "not_found",
    code: "response_not_found",
    message: `Response with id '${id}' not found. It may have expired or been deleted, or was made with \`store: false\`.`,
    param: "response_id",
  });
}

function invalid(param: string, message: string): RouteletError {
  return new RouteletError({ kind: "invalid_request", code: "invalid_value", message, param });
}

/** An input item as OpenAI lists it: with an id, and a message's words as parts. */
function listed(item: Json, responseId: string, at: number): Json {
  const id = typeof item.id === "string" ? item.id : `item_${responseId.replace(/^resp_/, "")}_${at}`;
  if ((item.type ?? "message") !== "message") return { ...item, id };
  const type = item.role === "assistant" ? "output_text" : "input_text";
  const content =
    typeof item.content === "string"
      ? [{ type, text: item.content, ...(type === "output_text" ? { annotations: [] } : {}) }]
      : item.content;
  return { ...item, id, type: "message", status: item.status ?? "completed", content };
}

/** Everything that the model was given for a response, oldest first. */
function itemsOf(turns: readonly Turn[], responseId: string): Json[] {
  const items = turns.flatMap(({ input, response }, at) =>
    at === turns.length - 1 ? input : [...input, ...outputItems(response)],
  );
  return items.map((item, at) => listed(item, responseId, at));
}

/** One page of the list (OpenAI API reference, "List input items"): newest first unless asked otherwise. */
function page(items: readonly Json[], query: URLSearchParams): Json {
  const order = query.get("order") ?? "desc";
  if (order !== "asc" && order !== "desc") throw invalid("order", "`order` must be `asc` or `desc`.");
  const limit = Number(query.get("limit") ?? 20);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100)
    throw invalid("limit", "`limit` must be a whole number from 1 to 100.");
  const ordered = order === "asc" ? [...items] : [...items].reverse();
  const indexOf = (param: "after" | "before"): number | null => {
    const id = query.get(param);
    if (id === null) return null;
    const at = ordered.findIndex((item) => item.id === id);
    if (at < 0) throw invalid(param, `\`${param}\` names no item of this response.`);
    return at;
  };
  const after = indexOf("after");
  const before = indexOf("before");
  const rest = ordered.slice(after === null ? 0 : after + 1, before ?? undefined);
  const data = rest.slice(0, limit);
  return {
    object: "list",
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: rest.length > data.length,
  };
}

interface Asked {
  env: Env;
  projectId: string;
  id: string;
}

/** @throws RouteletError `response_not_found`. */
async function kept({ env, projectId, id }: Asked): Promise<Turn> {
  const turn = await readResponse({ env, projectId, id });
  if (turn === null) throw notFound(id);
  return turn;
}

/** Ends a response that is still being made; how it ended is what it says then. */
async function cancel(asked: Asked): Promise<Response> {
  const { response } = await kept(asked);
  if (response.background !== true)
    throw invalid(
      "response_id",
      "Only a response that was asked for with `background: true` can be cancelled.",
    );
  if (!isUnfinished(response)) return Response.json(response);
  await asked.env.BACKGROUND.getByName(asked.id).cancel();
  return Response.json((await kept(asked)).response);
}

async function remove(asked: Asked): Promise<Response> {
  const { env, projectId, id } = asked;
  const turn = await readResponse(asked);
  // Else it would be kept once more when it has been made.
  if (turn !== null && isUnfinished(turn.response)) await env.BACKGROUND.getByName(id).cancel();
  if (!(await deleteResponse({ env, projectId, id }))) throw notFound(id);
  return Response.json({ id, object: "response", deleted: true });
}

/** The response as a stream, from the event after `starting_after` on: told once more, or as it is being made. */
async function stream(asked: Asked, query: URLSearchParams, visit: Visit): Promise<Response> {
  const after = Number(query.get("starting_after") ?? -1);
  if (!Number.isInteger(after) || after < -1)
    throw invalid("starting_after", "`starting_after` must be the `sequence_number` of an event.");
  const first = await kept(asked);
  // One that was made in the background is complete a moment before its events are kept.
  if (first.response.background !== true || first.events !== undefined) return replay(first, after);
  const { env, id } = asked;
  const { heartbeat } = await visit.settings();
  const live = await followBackground({ env, id, after, heartbeat });
  if (live !== null) return live;
  const now = await kept(asked);
  if (!isUnfinished(now.response)) return replay(now, after);
  throw invalid(
    "stream",
    "This response is being made without a stream: ask for it without `stream` until it has been made.",
  );
}

/** Whoever is further than what is told once more is told the end all the same. */
function replay({ response, events }: Turn, after: number): Response {
  const all = replayEvents(response);
  const rest = all.filter(({ sequence_number }) => sequence_number > after);
  const told = events === undefined ? written(rest) : eventsAfter(events, after);
  const end = all.slice(-1).map((event) => ({ ...event, sequence_number: after + 1 }));
  return new Response(told === "" ? written(end) : told, {
    headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" },
  });
}

async function answer(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const [, escaped = "", part] = ROUTE.exec(pathname) ?? [];
  const id = decodeURIComponent(escaped);
  const visit = await openVisit({ request, env, ctx });
  const { projectId } = visit.caller;
  const asked = { env, projectId, id };
  const method = part === "cancel" ? "POST" : "GET";
  if (part === undefined && request.method === "DELETE") return remove(asked);
  if (request.method !== method) {
    throw new RouteletError({
      kind: "invalid_request",
      status: 405,
      code: "method_not_allowed",
      message: part === undefined ? "Use GET or DELETE here." : `Use ${method} here.`,
    });
  }
  if (part === "cancel") return cancel(asked);
  if (part === "input_items") {
    const turns = await readConversation(asked);
    if (turns === null) throw notFound(id);
    return Response.json(page(itemsOf(turns, id), searchParams));
  }
  return searchParams.get("stream") === "true"
    ? stream(asked, searchParams, visit)
    : Response.json((await kept(asked)).response);
}

/** `GET` (also as a stream) and `DELETE /v1/responses/{id}`, `GET …/input_items`, `POST …/cancel`. */
export async function handleStoredResponse(
  request: Request,
  env: Env,
  ctx: ExecutionContext,
): Promise<Response> {
  try {
    return await answer(request, env, ctx);
  } catch (thrown) {
    const error = thrown instanceof URIError ? notFound("?") : toRouteletError(thrown);
    logInternal(error, null);
    return renderOpenAiError(error);
  }
}
