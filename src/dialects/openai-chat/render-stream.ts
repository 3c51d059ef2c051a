import type { RouteletError } from "../../errors.ts";
import type { RenderContext, ReplyRenderer } from "../dialect.ts";
import type { ReplyEvent, TokenLogprob, Usage } from "../reply.ts";
import { openAiErrorBody } from "./error.ts";
import { renderFinishReason } from "./finish-reasons.ts";
import { chunkIdOf } from "./ids.ts";
import { renderUsage } from "./usage.ts";

type Delta = Record<string, unknown>;

/** Renders a translated stream as OpenAI chat chunks. */
export function openChatRenderer(context: RenderContext): ReplyRenderer {
  const wantsUsage = context.call.wantsStreamUsage;
  const callsFunctions = context.call.callsFunctions === true;
  const roles = new Set<number>();
  const head = {
    id: chunkIdOf(context.callId),
    object: "chat.completion.chunk",
    created: Math.floor(context.now / 1000),
    model: context.renameModel ?? context.call.requestedModel,
  };
  let usage: Usage | null = null;

  function chunk(choices: object[], more: object = {}): string {
    const usageField = wantsUsage ? { usage: null } : {};
    return `data: ${JSON.stringify({ ...head, choices, ...usageField, ...more })}\n\n`;
  }

  function choice(
    index: number,
    delta: Delta,
    more: { finish?: string; logprobs?: TokenLogprob[] } = {},
  ): string {
    const first = !roles.has(index);
    roles.add(index);
    return chunk([
      {
        index,
        delta: first ? { role: "assistant", ...delta } : delta,
        logprobs: more.logprobs === undefined ? null : { content: more.logprobs, refusal: null },
        finish_reason: more.finish ?? null,
      },
    ]);
  }

  /** The one call that a reply has of a function. */
  const functionCall = (index: number, call: number, details: object): string =>
    call === 0 ? choice(index, { function_call: details }) : "";

  return {
    push(event: ReplyEvent) {
      switch (event.type) {
        case "start":
          if (event.created !== null) head.created = event.created;
          if (event.model !== null && context.renameModel === null) head.model = event.model;
          usage = event.usage ?? usage;
          return "";
        case "text":
          return choice(event.choice, { content: event.text }, { logprobs: event.logprobs });
        case "reasoning":
          return choice(event.choice, { reasoning_content: event.text });
        case "refusal":
          return choice(event.choice, { refusal: event.text });
        case "tool_call":
          if (callsFunctions)
            return functionCall(event.choice, event.index, { name: event.name, arguments: "" });
          return choice(event.choice, {
            tool_calls: [
              {
                index: event.index,
                id: event.id,
                type: "function",
                function: { name: event.name, arguments: "" },
              },
            ],
          });
        case "tool_arguments":
          if (callsFunctions) return functionCall(event.choice, event.index, { arguments: event.text });
          return choice(event.choice, {
            tool_calls: [{ index: event.index, function: { arguments: event.text } }],
          });
        case "finish":
          return choice(event.choice, {}, { finish: renderFinishReason(event.reason, callsFunctions) });
        case "usage":
          usage = event.usage;
          return "";
        // Signatures mean something only in their own dialect; chat has no place for them.
        case "reasoning_signature":
        case "redacted_reasoning":
        case "error":
        case "end":
          return "";
      }
    },
    end() {
      const last = wantsUsage && usage !== null ? chunk([], { usage: renderUsage(usage) }) : "";
      return `${last}data: [DONE]\n\n`;
    },
    fail: (error: RouteletError) => `data: ${JSON.stringify(openAiErrorBody(error))}\n\n`,
  };
}
