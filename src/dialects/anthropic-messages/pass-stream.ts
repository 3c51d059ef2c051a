import { joinBytes } from "../../bytes.ts";
import type { RenderContext, ReplyStream } from "../dialect.ts";
import { isObject } from "../json.ts";
import { emptyFacts } from "../reply.ts";
import { createSseEvents, type SseEvent } from "../sse-events.ts";
import { errorEvent, errorInBand } from "./error.ts";
import { blockOf, mendToolUse } from "./mend-block.ts";
import { mendStopReason } from "./stop-reasons.ts";
import { noteUsage, noUsage, usageOf } from "./usage.ts";
import { countOf, readWireEvent, textOf, textOrNull, type WireEvent, writeWireEvent } from "./wire.ts";

const ENCODER = new TextEncoder();
const MESSAGE_STOP = writeWireEvent({ type: "message_stop" });

/** What only a message that has begun can have. */
const STREAM_EVENTS = new Set([
  "content_block_start",
  "content_block_delta",
  "content_block_stop",
  "message_delta",
  "message_stop",
]);

function blankMessage(callId: string): object {
  return {
    id: `msg_${callId}`,
    type: "message",
    role: "assistant",
    model: "unknown",
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 0, output_tokens: 0 },
  };
}

/** Whether a delta carries anything that a client would show, run or keep. */
function carries(delta: unknown): boolean {
  if (!isObject(delta)) return false;
  return (
    [delta.text, delta.thinking, delta.partial_json, delta.signature].some((value) => textOf(value) !== "") ||
    delta.citation !== undefined
  );
}

/** Content that is there with the block's start: a tool's name, redacted thinking, a server tool's result. */
function startsWithContent(block: unknown): boolean {
  if (!isObject(block)) return false;
  if (block.type === "text") return textOf(block.text) !== "";
  if (block.type === "thinking") return textOf(block.thinking) !== "";
  return true;
}

/** The whole input as a server tells it at the start; 0 is what servers say that do not know yet. */
function inputKnown(usage: unknown): boolean {
  if (!isObject(usage)) return false;
  return [usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens].some(
    (count) => (countOf(count) ?? 0) > 0,
  );
}

/**
 * Follows the stream of a backend that speaks Anthropic's dialect itself. Bytes pass as they came; events are read on
 * a side copy. What breaks clients is mended: a second `message_start` and what follows `message_stop` are left out,
 * input tokens are never missing or 0 in `message_start` (wire trap 9), an event without a name gets one (the SDKs skip
 * it otherwise), an event that is no JSON is left out and counted (they would throw), a missing `message_stop` is added;
 * so are a missing `message_start`, block start, reason and count, without which they throw (wire traps 11 to 13, 16), and
 * a tool's call gets an id and an object.
 * An error inside the stream is not passed on: the caller decides between another attempt and `fail`.
 */
export function passMessagesStream(context: RenderContext): ReplyStream {
  const facts = emptyFacts();
  const usage = noUsage();
  const events = createSseEvents();
  let started = false;
  let ended = false;
  let hasTools = false;
  /** The client's number of each block, by the backend's: blocks count from 0 without gaps (wire trap 13). */
  const numbers = new Map<unknown, number>();

  /** The block's event with the number that the client knows it by; null where it has that already. */
  function renumbered(event: WireEvent): string | null {
    if (event.type === "content_block_start") numbers.set(event.index, numbers.size);
    const index = numbers.get(event.index);
    return index === undefined || index === event.index ? null : writeWireEvent({ ...event, index });
  }

  function mendStart(event: WireEvent): string | null {
    const message = isObject(event.message) ? event.message : {};
    const lacksInput = !inputKnown(message.usage);
    const { renameModel } = context;
    if (!lacksInput && (renameModel === null || message.model === renameModel)) return null;
    const told = isObject(message.usage) ? message.usage : {};
    const mended = {
      ...message,
      ...(renameModel === null ? {} : { model: renameModel }),
      ...(lacksInput
        ? { usage: { output_tokens: 0, ...told, input_tokens: Math.max(1, context.estimatedInputTokens) } }
        : {}),
    };
    return writeWireEvent({ ...event, message: mended });
  }

  /** What must have come before this event, and has not: the SDKs throw without it. */
  function owedBefore(event: WireEvent): string {
    const begins = !started && STREAM_EVENTS.has(event.type);
    const start = begins ? { type: "message_start", message: blankMessage(context.callId) } : null;
    started ||= begins;
    const message = start === null ? "" : (mendStart(start) ?? writeWireEvent(start));
    if (event.type === "content_block_delta" && !numbers.has(event.index)) {
      const content_block = blockOf(event.delta);
      if (content_block === null) return message;
      const block = { type: "content_block_start", index: event.index, content_block };
      return message + (renumbered(block) ?? writeWireEvent(block));
    }
    if (event.type !== "message_stop" || ended) return message;
    const stop_reason = mendStopReason("end_turn", hasTools);
    const delta = { stop_reason, stop_sequence: null };
    const told = { type: "message_delta", delta, usage: { output_tokens: usage.output ?? 0 } };
    return message + writeWireEvent(told);
  }

  /** The event as the SDKs can read it; the same object where nothing is wrong with it. */
  function mended(event: WireEvent): WireEvent {
    if (event.type === "content_block_start") {
      hasTools ||= isObject(event.content_block) && event.content_block.type === "tool_use";
      const block = mendToolUse(event.content_block, () => `toolu_${context.callId}_${String(event.index)}`);
      return block === null ? event : { ...event, content_block: block };
    }
    if (event.type !== "message_delta") return event;
    const told = isObject(event.delta) ? event.delta : {};
    const reason = textOf(told.stop_reason);
    const stop_reason = mendStopReason(reason, hasTools);
    const counts = isObject(event.usage) && countOf(event.usage.output_tokens) !== null;
    if (counts && stop_reason === reason) return event;
    return {
      ...event,
      ...(stop_reason === reason ? {} : { delta: { ...told, stop_reason } }),
      ...(counts
        ? {}
        : { usage: { ...(isObject(event.usage) ? event.usage : {}), output_tokens: usage.output ?? 0 } }),
    };
  }

  /** The event's bytes for the client, with what it lacks before it; null when it gets none of it. */
  function follow(came: WireEvent, source: SseEvent): Uint8Array | null {
    const before = owedBefore(came);
    const event = mended(came);
    const bytes = followOne(event, event === came ? source : { ...source, name: null });
    if (before === "" || bytes === null) return bytes;
    return joinBytes([ENCODER.encode(before), bytes]);
  }

  function followOne(event: WireEvent, source: SseEvent): Uint8Array | null {
    const asItCame = (): Uint8Array =>
      source.name === null ? ENCODER.encode(writeWireEvent(event)) : source.raw;
    switch (event.type) {
      case "message_start": {
        if (started) return null;
        started = true;
        if (isObject(event.message)) {
          facts.id = textOrNull(event.message.id);
          facts.model = textOrNull(event.message.model);
          noteUsage(usage, event.message.usage);
          facts.usage = usageOf(usage);
        }
        const mended = mendStart(event);
        return mended === null ? asItCame() : ENCODER.encode(mended);
      }
      case "content_block_start":
      case "content_block_delta":
      case "content_block_stop": {
        // A piece of something that was never begun, and that nobody can put in a place.
        if (event.type === "content_block_delta" && !numbers.has(event.index)) {
          facts.malformedEvents++;
          return null;
        }
        if (startsWithContent(event.content_block) || carries(event.delta)) facts.committed = true;
        const moved = renumbered(event);
        return moved === null ? asItCame() : ENCODER.encode(moved);
      }
      case "message_delta": {
        noteUsage(usage, event.usage);
        facts.usage = usageOf(usage);
        const reason = isObject(event.delta) ? textOf(event.delta.stop_reason) : "";
        if (reason !== "") {
          facts.finishReasons.push(reason);
          facts.committed = true;
          facts.complete = true;
          ended = true;
        }
        return asItCame();
      }
      case "message_stop":
        facts.complete = true;
        facts.terminated = true;
        return asItCame();
      case "error":
        facts.inBandError = errorInBand(event);
        return null;
      default:
        return asItCame();
    }
  }

  function release(source: SseEvent): Uint8Array | null {
    if (facts.terminated || facts.inBandError !== null) return null;
    if (source.tooLong) {
      facts.malformedEvents++;
      facts.committed = true;
      return source.raw;
    }
    if (source.data === null) return source.raw;
    // OpenAI's terminator, which some servers send here too.
    if (source.data.trim() === "[DONE]") return null;
    const event = readWireEvent(source.data, source.name);
    if (event !== null) return follow(event, source);
    facts.malformedEvents++;
    return null;
  }

  function releaseAll(sources: readonly SseEvent[]): Uint8Array[] {
    const released = sources.map(release).filter((bytes) => bytes !== null);
    return released.length > 1 ? [joinBytes(released)] : released;
  }

  return {
    facts,
    push: (chunk) => releaseAll(events.push(chunk)),
    flush() {
      const last = releaseAll(events.flush());
      // Its blank line was missing; what may follow must not run into it.
      return last.length === 0 ? last : [...last, ENCODER.encode("\n\n")];
    },
    end: () => (facts.terminated ? [] : [ENCODER.encode(MESSAGE_STOP)]),
    fail: (error) => [ENCODER.encode(errorEvent(error, context.callId))],
  };
}
