import { RouteletError } from "../../errors.ts";
import type { RenderContext, ReplyStream, WholeReply } from "../dialect.ts";
import { isObject, type Json, parseObject } from "../json.ts";
import { releaseEvents } from "../release-events.ts";
import { emptyFacts, type ReplyFacts } from "../reply.ts";
import { createSseEvents, type SseEvent } from "../sse-events.ts";
import { responseIdOf } from "./response-object.ts";
import { readResponseUsage } from "./usage.ts";

const ENCODER = new TextEncoder();

/** Events after which nothing follows. */
const LAST = new Set(["response.completed", "response.incomplete", "response.failed", "error"]);

/** Events that only open something; all others bring content. */
const LIFECYCLE = new Set([
  "response.created",
  "response.queued",
  "response.in_progress",
  "response.output_item.added",
  "response.content_part.added",
  "response.reasoning_summary_part.added",
  "keepalive",
]);

/** What a failed response or an error event says. */
function failureOf(error: unknown): RouteletError {
  const { message, code } = isObject(error) ? error : {};
  const busy = typeof code === "string" && /rate_limit|overload/.test(code);
  return new RouteletError({
    kind: busy ? "rate_limited" : "upstream",
    code: busy ? "backend_busy" : "upstream_error",
    message: `The backend reported an error in its reply: ${typeof message === "string" ? message : "it did not say which"}`,
    retryable: true,
  });
}

function note(facts: ReplyFacts, response: Json): void {
  if (typeof response.id === "string") facts.id ??= response.id;
  if (typeof response.model === "string") facts.model ??= response.model;
  facts.usage = readResponseUsage(response.usage) ?? facts.usage;
}

/**
 * A backend's response as the client is to see it, where that is another than the backend's: the gateway stores it, under
 * an id of its own (a provider may give the same one twice), and goes on from the one before it, which the backend was
 * not told; a key may want the model's requested name.
 */
function shown(response: Json, { renameModel, call, callId }: RenderContext): Json {
  const changes: Json = {};
  if (renameModel !== null && typeof response.model === "string") changes.model = renameModel;
  if (call.store !== "no") Object.assign(changes, { id: responseIdOf(callId), store: true });
  if (call.background === true) changes.background = true;
  const previous = call.previousResponseId ?? null;
  if (previous !== null && response.previous_response_id !== previous)
    changes.previous_response_id = previous;
  return Object.keys(changes).length === 0 ? response : { ...response, ...changes };
}

/** Notes how a response ended; the words are its status and, where it is incomplete, why. */
function noteEnd(facts: ReplyFacts, response: Json): void {
  const details = isObject(response.incomplete_details) ? response.incomplete_details.reason : null;
  if (response.status === "failed") facts.inBandError = failureOf(response.error);
  else facts.complete = true;
  facts.finishReasons.push(typeof details === "string" ? details : String(response.status ?? "completed"));
}

/**
 * Follows the stream of a backend that speaks the responses dialect itself. Bytes pass as they came; what is no JSON
 * and what follows the last event is left out.
 */
export function passResponseStream(context: RenderContext): ReplyStream {
  const facts = emptyFacts();
  const events = createSseEvents();
  let final: Json | null = null;
  let lastLacksBlankLine = false;
  let sequence = 0;

  function release(event: SseEvent, data: string): Uint8Array[] {
    const json = parseObject(data);
    // Not every server knows that this dialect has no `[DONE]` (wire trap 4).
    if (data === "[DONE]") return [];
    if (json === null || typeof json.type !== "string") {
      facts.malformedEvents++;
      return [];
    }
    const { type } = json;
    if (typeof json.sequence_number === "number") sequence = json.sequence_number + 1;
    if (isObject(json.response)) note(facts, json.response);
    if (type === "error") facts.inBandError = failureOf(isObject(json.error) ? json.error : json);
    const response = isObject(json.response) ? shown(json.response, context) : null;
    if (LAST.has(type)) {
      facts.terminated = type !== "error";
      if (isObject(json.response)) {
        final = response;
        noteEnd(facts, json.response);
      }
      if (facts.inBandError !== null) return [];
    } else if (!LIFECYCLE.has(type)) facts.committed = true;
    if (response === null || response === json.response) return [event.raw];
    const name = event.name === null ? "" : `event: ${event.name}\n`;
    const body = { ...json, response };
    return [ENCODER.encode(`${name}data: ${JSON.stringify(body)}\n\n`)];
  }

  const take = (read: readonly SseEvent[]): Uint8Array[] => releaseEvents({ events: read, facts, release });

  return {
    facts,
    push: (chunk) => take(events.push(chunk)),
    flush() {
      const rest = take(events.flush());
      lastLacksBlankLine = rest.length > 0;
      return rest;
    },
    end: () => (lastLacksBlankLine ? [ENCODER.encode("\n\n")] : []),
    fail(error) {
      const { message, code } = error;
      const event = { type: "error", code, message, param: error.param ?? null, sequence_number: sequence };
      // An event without its blank line must not swallow the error.
      const blank = lastLacksBlankLine ? "\n\n" : "";
      return [ENCODER.encode(`${blank}event: error\ndata: ${JSON.stringify(event)}\n\n`)];
    },
    reply: () => final,
  };
}

/** Reads a whole response, or an error object, of a backend that speaks the dialect itself. */
export function passWholeResponse(body: Uint8Array, context: RenderContext): WholeReply {
  const facts = { ...emptyFacts(), committed: true, terminated: true };
  const json = parseObject(new TextDecoder().decode(body));
  if (json === null) return { body, facts: { ...facts, malformedEvents: 1 } };
  if (isObject(json.error) && json.object !== "response") {
    facts.inBandError = failureOf(json.error);
    return { body, facts };
  }
  if (json.object !== "response" && !Array.isArray(json.output))
    return { body, facts: { ...facts, malformedEvents: 1 } };
  note(facts, json);
  noteEnd(facts, json);
  const response = shown(json, context);
  return { body: response === json ? body : ENCODER.encode(JSON.stringify(response)), facts };
}
