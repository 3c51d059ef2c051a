import { joinBytes } from "../../bytes.ts";
import type { RenderContext, ReplyStream } from "../dialect.ts";
import { isObject } from "../json.ts";
import { emptyFacts } from "../reply.ts";
import { createSseEvents, type SseEvent } from "../sse-events.ts";
import { errorEvent, errorInBand } from "./error.ts";
import { noteUsage, noUsage, usageOf } from "./usage.ts";
import { countOf, readWireEvent, textOf, textOrNull, type WireEvent, writeWireEvent } from "./wire.ts";

const ENCODER = new TextEncoder();
const MESSAGE_STOP = writeWireEvent({ type: "message_stop" });

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
 * it otherwise), an event that is no JSON is left out and counted (they would throw), a missing `message_stop` is added.
 * An error inside the stream is not passed on: the caller decides between another attempt and `fail`.
 */
export function passMessagesStream(context: RenderContext): ReplyStream {
  const facts = emptyFacts();
  const usage = noUsage();
  const events = createSseEvents();
  let started = false;
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

  /** The event's bytes for the client; null when it gets none of it. */
  function follow(event: WireEvent, source: SseEvent): Uint8Array | null {
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
