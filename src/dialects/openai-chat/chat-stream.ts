import { joinBytes } from "../../bytes.ts";
import type { RenderContext, ReplyStream } from "../dialect.ts";
import { emptyFacts } from "../reply.ts";
import { createSseEvents, type SseEvent } from "../sse-events.ts";
import { type Chunk, errorInBand, readChunk } from "./chunk.ts";
import { createChunkRepair, isContent } from "./chunk-repair.ts";
import { streamErrorEvent } from "./error.ts";
import { toolCallIdOf } from "./ids.ts";
import { readUsage } from "./usage.ts";

/** A JSON string without control characters (RFC 8259 section 7). */
const JSON_STRING = /^"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"$/u;

/** What stands around the content of a chunk that carries nothing else. */
interface PlainShape {
  head: string;
  tail: string;
}

/** The shape of a chunk's text, when its one choice has only this content; null otherwise. */
function plainShape(data: string, chunk: Chunk): PlainShape | null {
  const [choice] = chunk.choices;
  const delta = choice?.delta;
  if (chunk.choices.length !== 1 || delta == null || choice?.finish_reason != null || chunk.usage != null)
    return null;
  if (typeof delta.content !== "string" || Object.keys(delta).length !== 1) return null;
  const at = data.indexOf(JSON.stringify(delta.content), data.indexOf('"content"') + '"content"'.length);
  return at < 0
    ? null
    : { head: data.slice(0, at), tail: data.slice(at + JSON.stringify(delta.content).length) };
}

/** Whether a chunk is like the one of this shape but for its content: it changes no fact, so it costs no parsing. */
function isPlain(data: string, { head, tail }: PlainShape): boolean {
  return (
    data.startsWith(head) &&
    data.endsWith(tail) &&
    JSON_STRING.test(data.slice(head.length, data.length - tail.length))
  );
}

const ENCODER = new TextEncoder();
const DONE = "data: [DONE]\n\n";

const eventOf = (chunk: unknown): Uint8Array => ENCODER.encode(`data: ${JSON.stringify(chunk)}\n\n`);

/**
 * Follows a streamed OpenAI chat reply for a client of the same dialect. The bytes pass through as they came; events
 * are read on a side copy. Left out are the usage chunk that the client did not ask for, what is no JSON, and all that
 * follows `[DONE]`; written anew are only chunks that break an invariant (`chunk-repair.ts`), and the model's name where
 * a key's setting asks for the requested one.
 */
export function passChatStream(context: RenderContext): ReplyStream {
  const facts = emptyFacts();
  const events = createSseEvents();
  const repair = createChunkRepair({
    makeCallId: (choice, index) => toolCallIdOf(context.callId, choice, index),
  });
  let plain: PlainShape | null = null;
  let last: Chunk | null = null;
  let lastLacksBlankLine = false;

  function note(chunk: Chunk): void {
    if (typeof chunk.id === "string") facts.id ??= chunk.id;
    if (typeof chunk.model === "string" && chunk.model !== "") facts.model ??= chunk.model;
    facts.inBandError ??= errorInBand(chunk.error);
    facts.usage = readUsage(chunk.usage) ?? facts.usage;
    if (isContent(chunk)) facts.committed = true;
    for (const { finish_reason } of chunk.choices) {
      if (typeof finish_reason !== "string" || finish_reason === "") continue;
      facts.finishReasons.push(finish_reason);
      facts.complete = true;
    }
  }

  /** A proper end without a `finish_reason` gets one: SDKs cannot build a message without. */
  function lateFinish(): Uint8Array[] {
    const choices = repair.unfinished().map(({ index, reason, calls }) => {
      facts.finishReasons.push(reason);
      return { index, delta: calls.length > 0 ? { tool_calls: calls } : {}, finish_reason: reason };
    });
    if (choices.length === 0 || last === null) return [];
    const { id, object, created, model } = last;
    return [eventOf(renamed({ id, object, created, model, choices }))];
  }

  function renamed(chunk: Chunk): Chunk {
    return context.renameModel === null ? chunk : { ...chunk, model: context.renameModel };
  }

  function release(event: SseEvent, data: string): Uint8Array[] {
    if (data === "[DONE]") {
      const late = facts.committed ? lateFinish() : [];
      facts.terminated = true;
      facts.complete = true;
      return [...late, event.raw];
    }
    if (plain !== null && isPlain(data, plain)) return [event.raw];
    const read = readChunk(data);
    if (read === null) {
      facts.malformedEvents++;
      return [];
    }
    const { chunk } = read;
    note(chunk);
    if (facts.inBandError !== null) return [];
    const usageOnly = chunk.choices.length === 0 && chunk.usage != null;
    if (usageOnly && !context.call.wantsStreamUsage) return [];
    const mended = repair.mend(chunk);
    last = mended;
    if (mended === chunk && !read.changed && context.renameModel === null) {
      if (facts.committed) plain ??= plainShape(data, chunk);
      return [event.raw];
    }
    return [eventOf(renamed(mended))];
  }

  function take(read: readonly SseEvent[]): Uint8Array[] {
    const released: Uint8Array[] = [];
    for (const event of read) {
      if (facts.terminated || facts.inBandError !== null) break;
      if (event.tooLong) {
        facts.malformedEvents++;
        facts.committed = true;
        released.push(event.raw);
      } else if (event.data === null) released.push(event.raw);
      else released.push(...release(event, event.data));
    }
    return released.length > 1 ? [joinBytes(released)] : released;
  }

  return {
    facts,
    push: (chunk) => take(events.push(chunk)),
    flush() {
      const rest = take(events.flush());
      lastLacksBlankLine = rest.length > 0;
      return rest;
    },
    end() {
      const blank = lastLacksBlankLine ? "\n\n" : "";
      const done = facts.terminated ? "" : DONE;
      return blank + done === "" ? [] : [ENCODER.encode(blank + done)];
    },
    fail: (error) => [streamErrorEvent(error)],
  };
}
