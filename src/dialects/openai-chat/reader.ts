import type { ReplyReader } from "../dialect.ts";
import type { ReplyEvent, TokenLogprob } from "../reply.ts";
import { createSseEvents, type SseEvent } from "../sse-events.ts";
import type { ToolNames } from "../tool-names.ts";
import { type Chunk, type ChunkChoice, errorInBand, readChunk, toolCallsOf } from "./chunk.ts";
import { createChunkRepair } from "./chunk-repair.ts";
import { readFinishReason } from "./finish-reasons.ts";
import { toolCallIdOf } from "./ids.ts";
import { readLogprobs } from "./logprobs.ts";
import { readUsage } from "./usage.ts";

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

/** The text of a content delta; some servers send parts where OpenAI sends a string. */
export function deltaText(value: unknown): string {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return "";
  return value
    .map((part: unknown) =>
      typeof part === "object" && part !== null && "text" in part && typeof part.text === "string"
        ? part.text
        : "",
    )
    .join("");
}

/** Reads a streamed OpenAI chat reply into events, in the order in which a turn is made: thought, words, calls, end. */
export function openChatReader(names: ToolNames): ReplyReader {
  const events = createSseEvents();
  // Ids only have to be unlike within the reply: the renderer's dialect gives the reply its own.
  const seed = crypto.randomUUID();
  const repair = createChunkRepair({ makeCallId: (choice, index) => toolCallIdOf(seed, choice, index) });
  const finishReasons: string[] = [];
  let malformedEvents = 0;
  let started = false;
  let terminated = false;
  let finished = false;

  function deltaEvents(
    choice: number,
    delta: Record<string, unknown>,
    logprobs?: TokenLogprob[],
  ): ReplyEvent[] {
    const out: ReplyEvent[] = [];
    const reasoning = isText(delta.reasoning_content) ? delta.reasoning_content : delta.reasoning;
    if (isText(reasoning)) out.push({ type: "reasoning", choice, text: reasoning });
    const text = deltaText(delta.content);
    if (text !== "" || logprobs !== undefined)
      out.push(
        logprobs === undefined ? { type: "text", choice, text } : { type: "text", choice, text, logprobs },
      );
    if (isText(delta.refusal)) out.push({ type: "refusal", choice, text: delta.refusal });
    for (const call of toolCallsOf(delta)) {
      const index = Number(call.index);
      if (isText(call.id))
        out.push({
          type: "tool_call",
          choice,
          index,
          id: call.id,
          name: names.toClient(String(call.function?.name ?? "")),
        });
      if (isText(call.function?.arguments))
        out.push({ type: "tool_arguments", choice, index, text: call.function.arguments });
    }
    return out;
  }

  function choiceEvents({ index, delta, finish_reason, logprobs }: ChunkChoice): ReplyEvent[] {
    const choice = Number(index);
    const out = deltaEvents(choice, delta ?? {}, readLogprobs(logprobs) ?? undefined);
    if (isText(finish_reason)) {
      finished = true;
      finishReasons.push(finish_reason);
      const reason = readFinishReason(finish_reason, repair.hasToolCalls(choice));
      out.push({ type: "finish", choice, reason, stopSequence: null });
    }
    return out;
  }

  function chunkEvents(raw: Chunk): ReplyEvent[] {
    const error = errorInBand(raw.error);
    if (error !== null) return [{ type: "error", error }];
    const chunk = repair.mend(raw);
    const out: ReplyEvent[] = [];
    if (!started) {
      started = true;
      out.push({
        type: "start",
        id: isText(chunk.id) ? chunk.id : null,
        model: isText(chunk.model) ? chunk.model : null,
        created: typeof chunk.created === "number" ? chunk.created : null,
        usage: null,
      });
    }
    for (const choice of chunk.choices) out.push(...choiceEvents(choice));
    const usage = readUsage(chunk.usage);
    if (usage !== null) out.push({ type: "usage", usage });
    return out;
  }

  /** A proper end without a `finish_reason`. */
  function lateFinish(): ReplyEvent[] {
    return repair.unfinished().flatMap(({ index: choice, reason, calls }): ReplyEvent[] => [
      ...deltaEvents(choice, { tool_calls: calls }),
      {
        type: "finish",
        choice,
        reason: readFinishReason(reason, repair.hasToolCalls(choice)),
        stopSequence: null,
      },
    ]);
  }

  function take(read: readonly SseEvent[]): ReplyEvent[] {
    const out: ReplyEvent[] = [];
    for (const { data, tooLong } of read) {
      if (terminated) break;
      if (tooLong) malformedEvents++;
      if (data === null) continue;
      if (data === "[DONE]") {
        terminated = true;
        out.push(...lateFinish(), { type: "end" });
        continue;
      }
      const read = readChunk(data);
      if (read === null) malformedEvents++;
      else out.push(...chunkEvents(read.chunk));
    }
    return out;
  }

  return {
    push: (chunk) => take(events.push(chunk)),
    end() {
      const out = take(events.flush());
      // A stream that gave its reason and then closed has said all: `[DONE]` is missing from several servers.
      if (finished && !terminated) out.push(...lateFinish(), { type: "end" });
      terminated = true;
      return out;
    },
    get malformedEvents() {
      return malformedEvents;
    },
    finishReasons,
  };
}
