import { z } from "zod";
import { isRecord } from "../is-record.ts";
import { invalidRequest } from "../serve/node-errors.ts";
import {
  type ChatMessage,
  isEmpty,
  messageSchema,
  refuseUnsupportedMessage,
  toChatMessages,
} from "./chat-messages.ts";
import { refuseUnsupportedTools, type ToolRequest, toolShape, toToolRequest } from "./chat-tools.ts";
import {
  dropNulls,
  type Fields,
  readObject,
  refuseFields,
  streamShape,
  toInvalidRequest,
  toStreaming,
} from "./request-body.ts";
import { type ResponseFormat, responseFormatSchema } from "./response-format.ts";
import { type Sampling, samplingShape, toSampling } from "./sampling.ts";

/** A chat completion request of which every field is understood and will be honoured. */
export interface ChatRequest extends Sampling {
  messages: ChatMessage[];
  stream: boolean;
  /** Whether the stream ends with a usage chunk. */
  includeUsage: boolean;
  /** Log-probabilities to report, with so many of the likeliest tokens in each place; null: none. */
  topLogprobs: number | null;
  /** GBNF that each choice must match, as llama.cpp's server takes it; null: none. */
  grammar: string | null;
  /** Whether the oldest messages may go where the context holds not all of them. */
  truncate: boolean;
  responseFormat: ResponseFormat;
  tools: ToolRequest;
  /** How long the model should think before it answers; `none`: not at all. Null: not said. */
  reasoningEffort: string | null;
}

/** Fields that change nothing about the answer of a node. */
const HARMLESS = new Set([
  "metadata",
  "prompt_cache_key",
  "prompt_cache_retention",
  "safety_identifier",
  "service_tier",
  "store",
  "user",
]);

/** Fields that this engine cannot honour, with the values that ask for nothing and are therefore accepted. */
const NEUTRAL_ONLY: Record<string, (value: unknown) => boolean> = {
  audio: () => false,
  function_call: (value) => value === "none" || value === "auto",
  functions: isEmpty,
  modalities: (value) => Array.isArray(value) && value.length === 1 && value[0] === "text",
  prediction: () => false,
  verbosity: (value) => value === "medium",
  web_search_options: () => false,
};

const tokenLimit = z.number().int().positive().optional();

const requestSchema = z.object({
  model: z.string(),
  messages: z.array(messageSchema).min(1),
  ...streamShape,
  max_tokens: tokenLimit,
  max_completion_tokens: tokenLimit,
  logprobs: z.boolean().default(false),
  top_logprobs: z.number().int().min(0).max(20).optional(),
  grammar: z.string().min(1).optional(),
  truncation: z.enum(["auto", "disabled"]).default("disabled"),
  response_format: responseFormatSchema.default({ type: "text" }),
  reasoning_effort: z.enum(["none", "minimal", "low", "medium", "high", "xhigh"]).optional(),
  ...toolShape,
  ...samplingShape,
});

/**
 * Reads the body of `POST /v1/chat/completions` (OpenAI's API reference; `top_k`, `min_p`, `grammar` and `truncation` as extensions).
 * Throws a `NodeError` with status 400 that names the field: `invalid_json`, `invalid_value` or, for what this
 * engine cannot honour, `unsupported_parameter`. `null` counts as absent, as in OpenAI's API.
 */
export function parseChatRequest(body: Uint8Array): ChatRequest {
  const raw = withoutNulls(readObject(body));
  refuseUnsupported(raw);
  const parsed = requestSchema.safeParse(raw);
  if (!parsed.success) throw toInvalidRequest(parsed.error);
  const request = parsed.data;
  if (
    request.max_tokens !== undefined &&
    request.max_completion_tokens !== undefined &&
    request.max_tokens !== request.max_completion_tokens
  ) {
    throw invalidRequest({
      message: "'max_tokens' and 'max_completion_tokens' differ. Send one of them.",
      param: "max_tokens",
    });
  }
  if (!request.logprobs && (request.top_logprobs ?? 0) > 0) {
    throw invalidRequest({
      message: "'top_logprobs' is only allowed with 'logprobs': true.",
      param: "top_logprobs",
    });
  }
  if (request.grammar !== undefined && request.response_format.type !== "text") {
    throw invalidRequest({
      message: "'grammar' and 'response_format' both say what the answer must be. Send one of them.",
      param: "grammar",
    });
  }
  const tools = toToolRequest(request);
  if (request.grammar !== undefined && tools.tools.length > 0) {
    throw invalidRequest({
      message: "'grammar' and 'tools' both say what the answer may be. Send one of them.",
      param: "grammar",
    });
  }
  return {
    ...toSampling(request, request.max_completion_tokens ?? request.max_tokens ?? null),
    messages: toChatMessages(request.messages),
    ...toStreaming(request),
    topLogprobs: request.logprobs ? (request.top_logprobs ?? 0) : null,
    grammar: request.grammar ?? null,
    truncate: request.truncation === "auto",
    responseFormat: request.response_format,
    tools,
    reasoningEffort: request.reasoning_effort ?? null,
  };
}

function refuseUnsupported(raw: Fields): void {
  refuseFields(raw, { known: requestSchema.shape, harmless: HARMLESS, neutral: NEUTRAL_ONLY });
  refuseUnsupportedTools(raw);
  if (!Array.isArray(raw.messages)) return;
  raw.messages.forEach((message: unknown, index) => {
    if (isRecord(message)) refuseUnsupportedMessage(message, `messages[${index}]`);
  });
}

/** Top-level fields and fields of messages that are null count as absent. */
function withoutNulls(raw: Fields): Fields {
  const present = dropNulls(raw);
  if (Array.isArray(present.messages)) {
    present.messages = present.messages.map((message: unknown) =>
      isRecord(message) ? dropNulls(message) : message,
    );
  }
  return present;
}
