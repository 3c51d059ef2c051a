import { joinBytes } from "../../bytes.ts";
import type { RenderContext, ReplyStream } from "../dialect.ts";
import { setTopLevelField } from "../json-splice.ts";
import { releaseEvents } from "../release-events.ts";
import { emptyFacts } from "../reply.ts";
import { createSseEvents, type SseEvent } from "../sse-events.ts";
import { type Chunk, isContent, readChunk } from "./chunk.ts";
import { createChunkRepair } from "./chunk-repair.ts";
import { streamErrorEvent } from "./error.ts";
import { nothingSaid } from "./error-in-band.ts";
import { chunkIdOf, toolCallIdOf } from "./ids.ts";
import { type PlainShape, plainChunk, plainShape, plainTexts } from "./plain-chunk.ts";
import { readUsage } from "./usage.ts";

const ENCODER = new TextEncoder();
const LF = 0x0a;
const DONE = "data: [DONE]\n\n";
/** Chunks before the first id that wait for it; a server has one, if any. */
const MAX_PRELUDE = 8;

const eventOf = (data: string): Uint8Array => ENCODER.encode(`data: ${data}\n\n`);

/** A last event that its backend did not end with a blank line, with one. */
function ended(raw: Uint8Array): Uint8Array {
  return joinBytes([raw, ENCODER.encode(raw.at(-1) === LF ? "\n" : "\n\n")]);
}

const isEnd = ({ choices }: Chunk): boolean =>
  choices.some(({ finish_reason }) => typeof finish_reason === "string" && finish_reason !== "");

const sameHead = (a: Chunk, b: Chunk): boolean =>
  a.id === b.id && a.created === b.created && a.model === b.model && a.object === b.object;

/**
 * Follows a streamed OpenAI chat reply for a client of the same dialect. The bytes pass through as they came; events
 * are read on a side copy. Left out are the usage chunk that the client did not ask for, what is no chunk, and all that
 * follows `[DONE]`; written anew are only chunks that break an invariant (`chunk-repair.ts`), and the model's name where
 * a key's setting asks for the requested one.
 */
export function passChatStream(context: RenderContext): ReplyStream {
  const { renameModel } = context;
  const facts = emptyFacts();
  const events = createSseEvents();
  const repair = createChunkRepair({
    madeUp: {
      id: chunkIdOf(context.callId),
      created: Math.floor(context.now / 1000),
      model: context.call.requestedModel,
    },
    makeCallId: (choice, index) => toolCallIdOf(context.callId, choice, index),
  });
  /** What the last plain chunk looked like, as it came and as it went. */
  let plain: { from: PlainShape; to: PlainShape | null } | null = null;
  let prelude: Chunk[] = [];
  /** The usage chunk for the end: OpenAI tells usage once and last, and clients add up what they are told (trap 7). */
  let usage: Uint8Array | null = null;
  /** An end that tells usage itself: it goes as it came, unless usage is told again after it. */
  let ending: { asItCame: Uint8Array[]; withoutUsage: Uint8Array[]; usage: Uint8Array } | null = null;
  let last: Chunk | null = null;

  function note(chunk: Chunk): void {
    if (typeof chunk.id === "string" && chunk.id !== "") facts.id ??= chunk.id;
    if (typeof chunk.model === "string" && chunk.model !== "") facts.model ??= chunk.model;
    facts.usage = readUsage(chunk.usage) ?? facts.usage;
    if (isContent(chunk)) facts.committed = true;
    for (const { finish_reason } of chunk.choices) {
      if (typeof finish_reason !== "string" || finish_reason === "") continue;
      facts.finishReasons.push(finish_reason);
      facts.complete = true;
    }
  }

  function written(chunk: Chunk): Uint8Array {
    return eventOf(JSON.stringify(renameModel === null ? chunk : { ...chunk, model: renameModel }));
  }

  function done(event: SseEvent): Uint8Array[] {
    if (!facts.committed) {
      facts.inBandError = nothingSaid();
      return [];
    }
    const late = lateFinish();
    facts.terminated = true;
    facts.complete = true;
    return [...late, ...lastUsage(), event.data === "[DONE]" ? event.raw : ENCODER.encode(DONE)];
  }

  function lastUsage(): Uint8Array[] {
    const held = ending?.asItCame ?? (usage === null ? [] : [usage]);
    usage = null;
    ending = null;
    return held;
  }

  /** What was held of an end that was not the last thing told. */
  function earlierEnd(): Uint8Array[] {
    const held = ending;
    ending = null;
    if (held !== null) usage = held.usage;
    return held?.withoutUsage ?? [];
  }

  /** A chunk's usage is kept for the end; what is left of the chunk, null where it was usage alone. */
  function holdUsage(chunk: Chunk, event: SseEvent, data: string): Chunk | null {
    if (chunk.usage == null || !context.call.wantsStreamUsage) return chunk;
    const mended = repair.mend({ ...chunk, choices: [] });
    if (chunk.choices.length > 0) {
      usage = written(mended);
      return { ...chunk, usage: null };
    }
    const right = JSON.stringify(mended) === JSON.stringify(chunk) && data.includes('"choices"');
    usage = right ? unchanged(event, data, chunk) : written(mended);
    return null;
  }

  /** A proper end without a `finish_reason` gets one: SDKs cannot build a message without. */
  function lateFinish(): Uint8Array[] {
    const choices = repair.closeChoices().map(({ index, reason, calls }) => {
      facts.finishReasons.push(reason);
      return { index, delta: calls.length > 0 ? { tool_calls: calls } : {}, finish_reason: reason };
    });
    if (choices.length === 0 || last === null) return [];
    const { id, object, created, model } = last;
    return [written({ id, object, created, model, choices })];
  }

  /** A chunk in which nothing is wrong: its bytes, or its text with the model's name changed. */
  function unchanged(event: SseEvent, data: string, chunk: Chunk): Uint8Array {
    const text = renameModel === null ? data : setTopLevelField(data, "model", renameModel);
    if (facts.committed) {
      const from = plainShape(data, chunk);
      const to = from === null || renameModel === null ? null : plainShape(text, chunk);
      if (from !== null && (renameModel === null || to !== null)) plain = { from, to };
    }
    return renameModel === null ? event.raw : eventOf(text);
  }

  function release(event: SseEvent, data: string): Uint8Array[] {
    const texts = plain === null ? null : plainTexts(data, plain.from);
    if (plain !== null && texts !== null)
      return [plain.to === null ? event.raw : eventOf(plainChunk(plain.to, texts))];
    const word = data.trim();
    if (word === "[DONE]") return done(event);
    if (word === "") return [];
    const read = readChunk(data, event.name);
    if (read === null) {
      facts.malformedEvents++;
      return [];
    }
    if ("error" in read) {
      facts.inBandError = read.error;
      return [];
    }
    const { chunk } = read;
    note(chunk);
    const usageOnly = chunk.choices.length === 0 && chunk.usage != null;
    if (usageOnly && !context.call.wantsStreamUsage) return [];
    if (prelude.length < MAX_PRELUDE && repair.isPrelude(chunk)) {
      prelude.push(chunk);
      return [];
    }
    const earlier = earlierEnd();
    const told = holdUsage(chunk, event, data);
    if (told === null) return earlier;
    const mended = repair.mend(told);
    last = mended;
    const before = prelude.map((held) => written(repair.mend(held)));
    prelude = [];
    const ends = chunk.usage != null && context.call.wantsStreamUsage && isEnd(chunk);
    // Where usage is told with the end, the end is put together with it again.
    const whole = ends ? { ...mended, usage: chunk.usage } : mended;
    const right =
      !read.changed &&
      (mended === chunk || (ends && told.choices === mended.choices && sameHead(chunk, mended)));
    const out = [...earlier, ...before, right ? unchanged(event, data, chunk) : written(whole)];
    if (!ends || usage === null) return out;
    ending = { asItCame: out, withoutUsage: [...earlier, ...before, written(mended)], usage };
    return [];
  }

  const take = (read: readonly SseEvent[]): Uint8Array[] => releaseEvents({ events: read, facts, release });

  return {
    facts,
    push: (chunk) => take(events.push(chunk)),
    flush() {
      const rest = take(events.flush().map((event) => ({ ...event, raw: ended(event.raw) })));
      if (!facts.terminated && facts.inBandError === null) rest.push(...lastUsage());
      // Of several choices one may have ended when the stream was cut.
      if (!facts.terminated && repair.hasOpenChoice()) facts.complete = false;
      return rest;
    },
    end: () => (facts.terminated ? [] : [ENCODER.encode(DONE)]),
    fail: (error) => [streamErrorEvent(error)],
  };
}
