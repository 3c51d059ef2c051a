import { joinBytes } from "../../bytes.ts";
import { pushAll } from "../../push-all.ts";
import type { RenderContext, ReplyStream } from "../dialect.ts";
import { isText } from "../json.ts";
import { setTopLevelField } from "../json-splice.ts";
import { type Chunk, readChunk } from "../openai-chat/chunk.ts";
import { streamErrorEvent } from "../openai-chat/error.ts";
import { nothingSaid } from "../openai-chat/error-in-band.ts";
import { readUsage } from "../openai-chat/usage.ts";
import { releaseEvents } from "../release-events.ts";
import { emptyFacts } from "../reply.ts";
import { createSseEvents, type SseEvent } from "../sse-events.ts";
import { type Choice, completionIdOf, isTextChoice, mendChoice, reasonOf } from "./mend-choice.ts";

const ENCODER = new TextEncoder();
const LF = 0x0a;
const DONE = "data: [DONE]\n\n";
const HEAD = ["id", "created", "model"] as const;

const eventOf = (data: string): Uint8Array => ENCODER.encode(`data: ${data}\n\n`);

/** A last event that its backend did not end with a blank line, with one. */
function ended(raw: Uint8Array): Uint8Array {
  return joinBytes([raw, ENCODER.encode(raw.at(-1) === LF ? "\n" : "\n\n")]);
}

/**
 * Follows a streamed completion for a client of the same dialect. Bytes pass as they came, with what chat streams are
 * mended for where it applies: one id, time and model; each choice ends once, with a reason that OpenAI has; no usage
 * chunk that was not asked for; nothing after `[DONE]`, and always one.
 */
export function passCompletionStream(context: RenderContext): ReplyStream {
  const { renameModel } = context;
  const facts = emptyFacts();
  const events = createSseEvents();
  const head: Record<string, unknown> = {};
  /** Whether each choice has ended. */
  const choices = new Map<number, boolean>();

  function mendHead(chunk: Chunk): Chunk {
    head.id ??= isText(chunk.id) ? chunk.id : completionIdOf(context.callId);
    if (typeof chunk.created === "number" && chunk.created > 0) head.created ??= chunk.created;
    if (isText(chunk.model)) head.model ??= chunk.model;
    const right = HEAD.every((name) => head[name] === undefined || chunk[name] === head[name]);
    return right ? chunk : { ...chunk, ...head, object: chunk.object || "text_completion" };
  }

  function mendStreamed(choice: Choice): Choice {
    const index = typeof choice.index === "number" ? choice.index : 0;
    const said = reasonOf(choice);
    const first = said !== null && choices.get(index) !== true;
    choices.set(index, choices.get(index) === true || said !== null);
    if (first) {
      facts.finishReasons.push(String(choice.finish_reason));
      facts.complete = true;
    }
    if (first || isText(choice.text)) facts.committed = true;
    return mendChoice(choice, { at: 0, reason: first ? said : null });
  }

  function mend(chunk: Chunk): Chunk {
    const whole = mendHead(chunk);
    const mended = whole.choices.map(mendStreamed);
    return mended.every((choice, at) => choice === whole.choices[at]) ? whole : { ...whole, choices: mended };
  }

  function written(chunk: object): Uint8Array {
    return eventOf(JSON.stringify(renameModel === null ? chunk : { ...chunk, model: renameModel }));
  }

  /** A proper end without a `finish_reason` gets one. */
  function lateFinish(): Uint8Array[] {
    const open = [...choices].flatMap(([index, over]) => (over ? [] : index));
    if (open.length === 0) return [];
    const late = open.map((index) => ({ index, text: "", logprobs: null, finish_reason: "stop" }));
    pushAll(
      facts.finishReasons,
      late.map(({ finish_reason }) => finish_reason),
    );
    return [written({ object: "text_completion", ...head, choices: late })];
  }

  function done(event: SseEvent): Uint8Array[] {
    if (!facts.committed) {
      facts.inBandError = nothingSaid();
      return [];
    }
    const late = lateFinish();
    facts.terminated = true;
    facts.complete = true;
    return [...late, event.data === "[DONE]" ? event.raw : ENCODER.encode(DONE)];
  }

  function release(event: SseEvent, data: string): Uint8Array[] {
    const word = data.trim();
    if (word === "[DONE]") return done(event);
    if (word === "") return [];
    const read = readChunk(data, event.name);
    if (read === null || ("chunk" in read && !read.chunk.choices.every(isTextChoice))) {
      facts.malformedEvents++;
      return [];
    }
    if ("error" in read) {
      facts.inBandError = read.error;
      return [];
    }
    const { chunk } = read;
    if (isText(chunk.id)) facts.id ??= chunk.id;
    if (isText(chunk.model)) facts.model ??= chunk.model;
    facts.usage = readUsage(chunk.usage) ?? facts.usage;
    if (chunk.choices.length === 0 && chunk.usage != null && !context.call.wantsStreamUsage) return [];
    const mended = mend(chunk);
    if (mended !== chunk || read.changed) return [written(mended)];
    return [renameModel === null ? event.raw : eventOf(setTopLevelField(data, "model", renameModel))];
  }

  const take = (read: readonly SseEvent[]): Uint8Array[] => releaseEvents({ events: read, facts, release });

  return {
    facts,
    push: (chunk) => take(events.push(chunk)),
    flush() {
      const rest = take(events.flush().map((event) => ({ ...event, raw: ended(event.raw) })));
      // Of several choices one may have ended when the stream was cut.
      if (!facts.terminated && [...choices.values()].includes(false)) facts.complete = false;
      return rest;
    },
    end: () => (facts.terminated ? [] : [ENCODER.encode(DONE)]),
    fail: (error) => [streamErrorEvent(error)],
  };
}
