import type { RenderContext } from "../dialect.ts";
import type { Json } from "../json.ts";
import type { FinishReason, Usage } from "../reply.ts";
import { renderStopReason } from "./stop-reasons.ts";
import { renderUsage } from "./usage.ts";

/** Anthropic's ids have letters, digits, `_` and `-` alone; a client sends a tool call's back in its next request. */
export function validId(id: string): string {
  const valid = id.replace(/[^a-zA-Z0-9_-]/g, "_");
  return valid === "" ? "toolu_unnamed" : valid;
}

/** A message's id, made of the call's. */
export const messageIdOf = ({ callId }: RenderContext): string => `msg_${validId(callId)}`;

/** The envelope of a message without its content: what `message_start` has, and a whole reply around its blocks. */
export function messageEnvelope(context: RenderContext, model: string | null): Json {
  return {
    id: messageIdOf(context),
    type: "message",
    role: "assistant",
    model: context.renameModel ?? model ?? context.call.requestedModel,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    container: null,
  };
}

/** How a message ended, for `message_delta` and a whole reply. */
export function messageEnd(options: {
  reason: FinishReason | null;
  stopSequence: string | null;
  hasTools: boolean;
  refused: boolean;
}): Json {
  const { reason, stopSequence, hasTools, refused } = options;
  // OpenAI tells a refusal by the part, not by the reason.
  const stopReason = renderStopReason(refused && !hasTools ? "refusal" : reason, hasTools);
  return {
    stop_reason: stopReason,
    stop_sequence: stopReason === "stop_sequence" ? stopSequence : null,
    stop_details: stopReason === "refusal" ? { type: "refusal", category: null, explanation: null } : null,
    container: null,
  };
}

/** Bytes per token of a reply whose backend told no usage; the schema demands a number. */
const CHARACTERS_PER_TOKEN = 4;

/**
 * The whole usage. Where the backend told none, the input is the estimate and the output is reckoned from the length
 * of what was said; the ledger keeps it as unknown all the same.
 */
export function finalUsage(context: RenderContext, usage: Usage | null, characters: number): Json {
  return renderUsage(
    usage ?? {
      inputTokens: Math.max(1, context.estimatedInputTokens),
      cachedInputTokens: 0,
      outputTokens: Math.ceil(characters / CHARACTERS_PER_TOKEN),
    },
  );
}
