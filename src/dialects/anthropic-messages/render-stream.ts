import type { RenderContext, ReplyRenderer } from "../dialect.ts";
import type { FinishReason, ReplyEvent, Usage } from "../reply.ts";
import { createBlockWriter } from "./block-writer.ts";
import { errorEvent } from "./error.ts";
import { finalUsage, messageEnd, messageEnvelope, validId } from "./render-message.ts";
import { carryOpaque } from "./signatures.ts";
import { renderUsage } from "./usage.ts";
import { writeWireEvent } from "./wire.ts";

/**
 * Renders another dialect's stream for Anthropic's clients ("Streaming messages"): one `message_start` whose input tokens
 * are never 0, content blocks one after the other, one `message_delta` with the whole usage, `message_stop`. A message
 * has one choice: events of others have no place in it (no client of this dialect can ask for them).
 *
 * Thinking without a signature keeps the empty one of its start and gets no `signature_delta`; clients send it back,
 * and `strip-foreign.ts` keeps it from Anthropic. None is ever made up.
 */
export function openMessageRenderer(context: RenderContext): ReplyRenderer {
  const blocks = createBlockWriter();
  let started = false;
  let usage: Usage | null = null;
  let reason: FinishReason | null = null;
  let stopSequence: string | null = null;
  let refused = false;
  let characters = 0;

  function start(model: string | null, known: Usage | null): string {
    if (started) return "";
    started = true;
    usage = known;
    const input = known !== null && known.inputTokens > 0 ? known : null;
    return writeWireEvent({
      type: "message_start",
      message: {
        ...messageEnvelope(context, model),
        usage: renderUsage(
          input ?? {
            inputTokens: Math.max(1, context.estimatedInputTokens),
            cachedInputTokens: 0,
            outputTokens: 0,
          },
        ),
      },
    });
  }

  function content(event: Exclude<ReplyEvent, { type: "start" | "usage" | "error" | "end" }>): string {
    if (event.choice !== 0) return "";
    switch (event.type) {
      case "text":
      case "refusal":
        if (event.type === "refusal") refused = true;
        if (event.text === "") return "";
        characters += event.text.length;
        return blocks.text(event.text);
      case "reasoning":
        if (event.text === "") return "";
        characters += event.text.length;
        return blocks.thinking(event.text);
      case "reasoning_signature":
        return blocks.signature(carryOpaque(event.signature, event.origin));
      case "redacted_reasoning":
        return blocks.redacted(carryOpaque(event.data, event.origin));
      case "tool_call":
        return blocks.tool({ index: event.index, id: validId(event.id), name: event.name });
      case "tool_arguments":
        characters += event.text.length;
        return blocks.argumentsOf(event.index, event.text);
      case "finish":
        reason ??= event.reason;
        stopSequence ??= event.stopSequence;
        return "";
    }
  }

  return {
    push(event) {
      switch (event.type) {
        case "start":
          return start(event.model, event.usage);
        case "usage":
          usage = event.usage;
          return "";
        case "error":
        case "end":
          return "";
        default:
          return start(null, null) + content(event);
      }
    },
    end() {
      const opening = start(null, null);
      const closing = blocks.close();
      return (
        opening +
        closing +
        writeWireEvent({
          type: "message_delta",
          delta: messageEnd({ reason, stopSequence, hasTools: blocks.hasTools, refused }),
          usage: finalUsage(context, usage, characters),
        }) +
        writeWireEvent({ type: "message_stop" })
      );
    },
    fail: (error) => errorEvent(error, context.callId),
  };
}
