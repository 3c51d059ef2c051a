import type { Call, Needs } from "../call.ts";
import { setTopLevelField } from "../json-splice.ts";
import type { ModelRequest } from "../model-request.ts";
import { readJsonObject, readWith } from "../read-json.ts";
import { readMessagesRequest } from "./read-request.ts";
import { countRequest, type MessagesRequest, messagesRequest, type WireBlock } from "./request-schema.ts";
import { stripForeignThinking } from "./strip-foreign.ts";

const NESTED = ["tool_result", "document"];

function hasBlock(content: unknown, types: readonly string[]): boolean {
  if (!Array.isArray(content)) return false;
  const blocks: WireBlock[] = content;
  return blocks.some(
    (block) => types.includes(block.type) || (NESTED.includes(block.type) && hasBlock(block.content, types)),
  );
}

const inMessages = (request: MessagesRequest, types: readonly string[]): boolean =>
  request.messages.some(({ content }) => hasBlock(content, types));

function needsOf(request: MessagesRequest): Needs {
  return {
    tools: (request.tools?.length ?? 0) > 0 || inMessages(request, ["tool_use", "tool_result"]),
    jsonSchema: (request.output_config?.format ?? request.output_format) != null,
    jsonObject: false,
    logprobs: false,
    images: inMessages(request, ["image"]),
    audio: false,
    multipleChoices: false,
    logitBias: false,
    penalties: false,
  };
}

function callOf(text: string, request: MessagesRequest, again: () => MessagesRequest): Call {
  let built: ModelRequest | null = null;
  const { model } = request;
  return {
    dialect: "anthropic-messages",
    requestedModel: model,
    stream: request.stream === true,
    // A message's stream always has its usage.
    wantsStreamUsage: true,
    needs: needsOf(request),
    text,
    passBody(name) {
      const own = stripForeignThinking(text);
      return name === model ? own : setTopLevelField(own, "model", name);
    },
    request: () => {
      built ??= readMessagesRequest(again());
      return built;
    },
  };
}

/**
 * Reads a `POST /v1/messages` body.
 *
 * @throws RouteletError `invalid_json`, `json_too_deep` or `invalid_type` (with `param` naming the field).
 */
export function parseMessagesCall(body: Uint8Array): Call {
  const { text, json } = readJsonObject(body, "`model`, `max_tokens` and `messages`");
  const request = readWith(messagesRequest, json);
  // Read once more for a translation: a call that passes through must not keep its parsed form alive.
  return callOf(text, request, () => readWith(messagesRequest, JSON.parse(text)));
}

/**
 * Reads a `POST /v1/messages/count_tokens` body, which needs no `max_tokens`.
 *
 * @throws RouteletError as `parseMessagesCall`.
 */
export function parseCountCall(body: Uint8Array): Call {
  const { text, json } = readJsonObject(body, "`model` and `messages`");
  const request = readWith(countRequest, json);
  return callOf(text, request, () => readWith(countRequest, JSON.parse(text)));
}
