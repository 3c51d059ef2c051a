import { RouteletError } from "../../errors.ts";
import { isObject, isText, type Json } from "../json.ts";
import type { OutputPart } from "../model-request.ts";
import type { Reply, ReplyChoice } from "../reply.ts";
import type { ToolNames } from "../tool-names.ts";
import { errorOf } from "./error-in-band.ts";
import { matchedStop, readFinishReason } from "./finish-reasons.ts";
import { toolCallIdOf } from "./ids.ts";
import { readLogprobs } from "./logprobs.ts";
import { areChoices } from "./pass-whole.ts";
import { readSaid } from "./said.ts";
import { argumentsText } from "./tool-call-repair.ts";
import { readUsage } from "./usage.ts";

function notAReply(): RouteletError {
  return new RouteletError({
    kind: "upstream",
    code: "upstream_invalid_reply",
    message: "The backend answered with something that is not a chat completion. Check its base URL.",
    retryable: true,
  });
}

function partsOf(message: Json, names: ToolNames, makeId: (index: number) => string): OutputPart[] {
  const parts: OutputPart[] = [];
  const { text, reasoning } = readSaid(message);
  if (reasoning !== "")
    parts.push({
      type: "reasoning",
      text: reasoning,
      signature: null,
      redacted: null,
      origin: "openai-chat",
    });
  if (text !== "") parts.push({ type: "text", text });
  if (isText(message.refusal)) parts.push({ type: "refusal", text: message.refusal });
  const calls = Array.isArray(message.tool_calls) ? message.tool_calls.filter(isObject) : [];
  if (calls.length === 0 && isObject(message.function_call)) calls.push({ function: message.function_call });
  const given = new Set<string>();
  for (const [index, call] of calls.entries()) {
    const details = isObject(call.function) ? call.function : {};
    const id = isText(call.id) && !given.has(call.id) ? call.id : makeId(index);
    given.add(id);
    parts.push({
      type: "tool_call",
      id,
      name: names.toClient(String(details.name ?? "")),
      arguments: argumentsText(details.arguments) || "{}",
    });
  }
  return parts;
}

/**
 * Reads a whole OpenAI chat completion; repairs its tool calls (wire traps 11, 12, 16).
 *
 * @throws RouteletError `upstream_invalid_reply`, or the error that stands inside it.
 */
export function readChatCompletion(body: Uint8Array, names: ToolNames): Reply {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw notAReply();
  }
  if (!isObject(json)) throw notAReply();
  const error = errorOf(json);
  if (error !== null) throw error;
  if (!areChoices(json.choices)) throw notAReply();
  const seed = crypto.randomUUID();
  const choices = json.choices.map((choice, at): ReplyChoice => {
    const { message } = choice;
    const parts = partsOf(message, names, (index) => toolCallIdOf(seed, at, index));
    const hasCalls = parts.some(({ type }) => type === "tool_call");
    const word = isText(choice.finish_reason) ? choice.finish_reason : "stop";
    const stopSequence = hasCalls ? null : matchedStop(choice);
    return {
      index: typeof choice.index === "number" ? choice.index : at,
      parts,
      finish: stopSequence === null ? readFinishReason(word, hasCalls) : "stop_sequence",
      stopSequence,
      logprobs: readLogprobs(choice.logprobs),
    };
  });
  return {
    id: isText(json.id) ? json.id : null,
    model: isText(json.model) ? json.model : null,
    created: typeof json.created === "number" ? json.created : null,
    choices,
    usage: readUsage(json.usage),
    serviceTier: isText(json.service_tier) ? json.service_tier : null,
  };
}
