import { RouteletError } from "../../errors.ts";
import { isObject, type Json, parseJson } from "../json.ts";
import type { ModelRequest, OutputPart } from "../model-request.ts";
import type { Reply } from "../reply.ts";
import type { ToolNames } from "../tool-names.ts";
import { errorInBand } from "./error.ts";
import { mayAnswerByTool, OUTPUT_TOOL } from "./plan-format.ts";
import { messageToolNames } from "./request-names.ts";
import { readStopReason } from "./stop-reasons.ts";
import { noteUsage, noUsage, usageOf } from "./usage.ts";
import { textOf, textOrNull } from "./wire.ts";

const ORIGIN = "anthropic-messages";

/** The tier in OpenAI's words. */
const TIERS: Record<string, string> = { standard: "default", priority: "priority", batch: "default" };

function readBlock(
  block: Json,
  options: { names: ToolNames; answersByTool: boolean; at: number },
): OutputPart[] {
  const reasoning = { type: "reasoning", text: "", signature: null, redacted: null, origin: ORIGIN } as const;
  switch (block.type) {
    case "text":
      return textOf(block.text) === "" ? [] : [{ type: "text", text: textOf(block.text) }];
    case "thinking":
      return [{ ...reasoning, text: textOf(block.thinking), signature: textOf(block.signature) || null }];
    case "redacted_thinking":
      return [{ ...reasoning, redacted: textOf(block.data) }];
    case "tool_use": {
      const input = JSON.stringify(isObject(block.input) ? block.input : {});
      if (options.answersByTool && block.name === OUTPUT_TOOL) return [{ type: "text", text: input }];
      return [
        {
          type: "tool_call",
          id: textOf(block.id) || `toolu_${options.at}`,
          name: options.names.toClient(textOf(block.name)),
          arguments: input,
        },
      ];
    }
    default:
      return [];
  }
}

function notAReply(): RouteletError {
  return new RouteletError({
    kind: "upstream",
    code: "upstream_invalid_reply",
    message: "The backend answered with something that is not a message. Check its base URL.",
    retryable: true,
  });
}

/**
 * Reads a whole message.
 *
 * @throws RouteletError `upstream_invalid_reply`, or the error that a 200 had inside.
 */
export function readMessageReply(body: Uint8Array, request: ModelRequest): Reply {
  const json = parseJson(new TextDecoder().decode(body));
  const error = errorInBand(json);
  if (error !== null) throw error;
  if (!isObject(json) || !Array.isArray(json.content)) throw notAReply();
  const blocks: unknown[] = json.content;
  const names = messageToolNames(request);
  const answersByTool = mayAnswerByTool(request);
  const parts = blocks
    .filter(isObject)
    .flatMap((block, at) => readBlock(block, { names, answersByTool, at }));
  const hasTools = parts.some(({ type }) => type === "tool_call");
  const reason = readStopReason(textOf(json.stop_reason), hasTools);
  const usage = noUsage();
  noteUsage(usage, json.usage);
  return {
    id: textOrNull(json.id),
    model: textOrNull(json.model),
    created: null,
    choices: [
      {
        index: 0,
        parts,
        // The call of the output tool is the answer itself.
        finish: reason === "tool_calls" && !hasTools ? "stop" : reason,
        stopSequence: textOrNull(json.stop_sequence),
        logprobs: null,
      },
    ],
    usage: usageOf(usage),
    serviceTier: TIERS[usage.serviceTier ?? ""] ?? null,
  };
}
