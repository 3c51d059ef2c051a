import { pushAll } from "../../push-all.ts";
import type { ReplyReader } from "../dialect.ts";
import { isObject, isText } from "../json.ts";
import type { ReplyEvent, TokenLogprob } from "../reply.ts";
import { createSseEvents, eventTooLong, type SseEvent } from "../sse-events.ts";
import type { ToolNames } from "../tool-names.ts";
import { type Chunk, type ChunkChoice, isContent, readChunk, toolCallsOf } from "./chunk.ts";
import { createChunkRepair } from "./chunk-repair.ts";
import { nothingSaid } from "./error-in-band.ts";
import { matchedStop, readFinishReason } from "./finish-reasons.ts";
import { toolCallIdOf } from "./ids.ts";
import { readLogprobs } from "./logprobs.ts";
import { readSaid } from "./said.ts";
import { readUsage } from "./usage.ts";

/** `function_call`, which came before tools, as the one tool call that it is. */
function withToolCall(choice: ChunkChoice): ChunkChoice {
  const { function_call, ...delta } = choice.delta ?? {};
  if (!isObject(function_call) || toolCallsOf(delta).length > 0) return choice;
  return { ...choice, delta: { ...delta, tool_calls: [{ index: 0, function: function_call }] } };
}

const withToolCalls = (chunk: Chunk): Chunk => ({ ...chunk, choices: chunk.choices.map(withToolCall) });

/** Reads a streamed OpenAI chat reply into events, in the order in which a turn is made: thought, words, calls, end. */
export function openChatReader(names: ToolNames): ReplyReader {
  const events = createSseEvents();
  // Ids only have to be unlike all others of the conversation: the renderer's dialect gives the reply its own.
  const seed = crypto.randomUUID();
  const repair = createChunkRepair({
    madeUp: null,
    makeCallId: (choice, index) => toolCallIdOf(seed, choice, index),
  });
  const finishReasons: string[] = [];
  let malformedEvents = 0;
  let started = false;
  let said = false;
  let finished = false;
  let over = false;

  function callEvents(choice: number, delta: Record<string, unknown>): ReplyEvent[] {
    const out: ReplyEvent[] = [];
    for (const call of toolCallsOf(delta)) {
      const { index, id, function: details } = call;
      if (typeof index !== "number" || details == null) continue;
      if (isText(id)) {
        const name = names.toClient(String(details.name));
        out.push({ type: "tool_call", choice, index, id, name });
      }
      if (isText(details.arguments))
        out.push({ type: "tool_arguments", choice, index, text: details.arguments });
    }
    return out;
  }

  function deltaEvents(
    choice: number,
    delta: Record<string, unknown>,
    logprobs: TokenLogprob[] | null,
  ): ReplyEvent[] {
    const out: ReplyEvent[] = [];
    const { text, reasoning } = readSaid(delta);
    if (reasoning !== "") out.push({ type: "reasoning", choice, text: reasoning });
    if (logprobs !== null) out.push({ type: "text", choice, text, logprobs });
    else if (text !== "") out.push({ type: "text", choice, text });
    if (isText(delta.refusal)) out.push({ type: "refusal", choice, text: delta.refusal });
    return [...out, ...callEvents(choice, delta)];
  }

  function finish(choice: number, word: string, sent: ChunkChoice = {}): ReplyEvent {
    finished = true;
    const calls = repair.hasToolCalls(choice);
    const stopSequence = calls ? null : matchedStop(sent);
    const reason = stopSequence === null ? readFinishReason(word, calls) : "stop_sequence";
    return { type: "finish", choice, reason, stopSequence };
  }

  /** `sent` is the choice as the backend has it: its own word for the end means more than the mended one. */
  function choiceEvents(
    { index, delta, finish_reason, logprobs }: ChunkChoice,
    sent?: ChunkChoice,
  ): ReplyEvent[] {
    const choice = Number(index);
    const out = deltaEvents(choice, delta ?? {}, readLogprobs(logprobs));
    if (!isText(finish_reason)) return out;
    const word = isText(sent?.finish_reason) ? sent.finish_reason : finish_reason;
    finishReasons.push(word);
    return [...out, finish(choice, word, sent)];
  }

  function chunkEvents(sent: Chunk): ReplyEvent[] {
    const raw = withToolCalls(sent);
    const chunk = repair.mend(raw);
    const out: ReplyEvent[] = [];
    if (isContent(chunk)) said = true;
    const usage = readUsage(chunk.usage);
    if (!started && chunk.choices.length > 0) out.push(start(chunk));
    for (const [at, choice] of chunk.choices.entries()) pushAll(out, choiceEvents(choice, raw.choices[at]));
    if (usage !== null) out.push(...(started ? [] : [start(chunk)]), { type: "usage", usage });
    return out;
  }

  function start({ id, model, created }: Chunk): ReplyEvent {
    started = true;
    return {
      type: "start",
      id: isText(id) ? id : null,
      model: isText(model) ? model : null,
      created: typeof created === "number" && created > 0 ? created : null,
      usage: null,
    };
  }

  /** A proper end; choices without a `finish_reason` get one. */
  function end(): ReplyEvent[] {
    over = true;
    if (!said) return [{ type: "error", error: nothingSaid() }];
    const late = repair.closeChoices().flatMap(({ index, reason, calls }): ReplyEvent[] => {
      finishReasons.push(reason);
      return [...callEvents(index, { tool_calls: calls }), finish(index, reason)];
    });
    return [...late, { type: "end" }];
  }

  function readEvent({ data, name, tooLong }: SseEvent): ReplyEvent[] {
    if (tooLong) {
      over = true;
      return [{ type: "error", error: eventTooLong() }];
    }
    const word = data?.trim() ?? "";
    if (data === null || word === "") return [];
    if (word === "[DONE]") return end();
    const read = readChunk(data, name);
    if (read === null) {
      malformedEvents++;
      return [];
    }
    if ("chunk" in read) return chunkEvents(read.chunk);
    over = true;
    return [{ type: "error", error: read.error }];
  }

  const take = (read: readonly SseEvent[]): ReplyEvent[] =>
    read.flatMap((event) => (over ? [] : readEvent(event)));

  return {
    push: (chunk) => take(events.push(chunk)),
    end() {
      const out = take(events.flush());
      // A stream that gave its reasons and then closed has said all: `[DONE]` is missing from several servers.
      if (!over && finished && !repair.hasOpenChoice()) out.push(...end());
      over = true;
      return out;
    },
    get malformedEvents() {
      return malformedEvents;
    },
    finishReasons,
  };
}
