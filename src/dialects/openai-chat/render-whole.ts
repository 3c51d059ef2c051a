import type { RenderContext } from "../dialect.ts";
import type { OutputPart } from "../model-request.ts";
import type { Reply, ReplyChoice } from "../reply.ts";
import { renderFinishReason } from "./finish-reasons.ts";
import { chunkIdOf } from "./ids.ts";
import { renderUsage } from "./usage.ts";

function joined(parts: readonly OutputPart[], type: "text" | "reasoning" | "refusal"): string | null {
  const texts = parts.flatMap((part) => (part.type === type ? part.text : []));
  return texts.length === 0 ? null : texts.join("");
}

function renderCalls(parts: readonly OutputPart[], callsFunctions: boolean): object {
  const calls = parts.flatMap((part) =>
    part.type === "tool_call"
      ? { id: part.id, type: "function", function: { name: part.name, arguments: part.arguments } }
      : [],
  );
  const [first] = calls;
  if (first === undefined) return {};
  return callsFunctions ? { function_call: first.function } : { tool_calls: calls };
}

function renderChoice({ index, parts, finish, logprobs }: ReplyChoice, callsFunctions: boolean): object {
  const reasoning = joined(parts, "reasoning");
  return {
    index,
    message: {
      role: "assistant",
      content: joined(parts, "text"),
      refusal: joined(parts, "refusal"),
      ...(reasoning === null || reasoning === "" ? {} : { reasoning_content: reasoning }),
      ...renderCalls(parts, callsFunctions),
    },
    logprobs: logprobs === null ? null : { content: logprobs, refusal: null },
    finish_reason: renderFinishReason(finish ?? "stop", callsFunctions),
  };
}

/** Renders a translated reply as an OpenAI chat completion. */
export function renderChatReply(reply: Reply, context: RenderContext): Uint8Array {
  const callsFunctions = context.call.callsFunctions === true;
  const body = {
    id: chunkIdOf(context.callId),
    object: "chat.completion",
    created: reply.created ?? Math.floor(context.now / 1000),
    model: context.renameModel ?? reply.model ?? context.call.requestedModel,
    choices: reply.choices.map((choice) => renderChoice(choice, callsFunctions)),
    ...(reply.usage === null ? {} : { usage: renderUsage(reply.usage) }),
    ...(reply.serviceTier === null ? {} : { service_tier: reply.serviceTier }),
  };
  return new TextEncoder().encode(JSON.stringify(body));
}
