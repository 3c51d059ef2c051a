import type { RenderContext } from "../dialect.ts";
import type { Json } from "../json.ts";
import type { OutputPart } from "../model-request.ts";
import type { Reply } from "../reply.ts";
import { finalUsage, messageEnd, messageEnvelope, validId } from "./render-message.ts";
import { carryOpaque } from "./signatures.ts";
import { toolInput } from "./wire.ts";

const SERVICE_TIERS: Record<string, string> = {
  default: "standard",
  standard: "standard",
  priority: "priority",
};

function renderPart(part: OutputPart): Json[] {
  switch (part.type) {
    case "text":
    case "refusal":
      return part.text === "" ? [] : [{ type: "text", text: part.text, citations: null }];
    case "tool_call":
      return [{ type: "tool_use", id: validId(part.id), name: part.name, input: toolInput(part.arguments) }];
    case "reasoning": {
      const blocks: Json[] = [];
      if (part.text !== "" || part.signature !== null) {
        const signature = part.signature === null ? "" : carryOpaque(part.signature, part.origin);
        blocks.push({ type: "thinking", thinking: part.text, signature });
      }
      if (part.redacted !== null)
        blocks.push({ type: "redacted_thinking", data: carryOpaque(part.redacted, part.origin) });
      return blocks;
    }
  }
}

function lengthOf(part: OutputPart): number {
  return part.type === "tool_call" ? part.arguments.length : part.text.length;
}

/** Another dialect's reply as Anthropic's message object. */
export function renderMessageReply(reply: Reply, context: RenderContext): Uint8Array {
  const choice = reply.choices.find(({ index }) => index === 0) ?? reply.choices[0];
  const parts = choice?.parts ?? [];
  const tier = SERVICE_TIERS[reply.serviceTier ?? ""];
  const characters = parts.reduce((sum, part) => sum + lengthOf(part), 0);
  const message = {
    ...messageEnvelope(context, reply.model),
    content: parts.flatMap(renderPart),
    ...messageEnd({
      reason: choice?.finish ?? null,
      stopSequence: choice?.stopSequence ?? null,
      hasTools: parts.some(({ type }) => type === "tool_call"),
      refused: parts.some(({ type }) => type === "refusal"),
    }),
    usage: {
      ...finalUsage(context, reply.usage, characters),
      ...(tier === undefined ? {} : { service_tier: tier }),
    },
  };
  return new TextEncoder().encode(JSON.stringify(message));
}
