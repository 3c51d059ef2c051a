import { z } from "zod";
import { NodeError } from "../serve/contract.ts";
import { invalidRequest, unsupportedParameter } from "../serve/node-errors.ts";

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

/** A chat completion request of which every field is understood and will be honoured. */
export interface ChatRequest {
  messages: ChatMessage[];
  stream: boolean;
  /** Whether the stream ends with a usage chunk. */
  includeUsage: boolean;
  /** Null: as many as the context holds. */
  maxTokens: number | null;
  temperature: number;
  topP: number;
  /** 0: off. */
  topK: number;
  /** 0: off. */
  minP: number;
  /** 32 bits; null: the engine draws one. */
  seed: number | null;
  stop: string[];
  frequencyPenalty: number;
  presencePenalty: number;
}

/** What the API defaults to: OpenAI's reference says 1 for both. */
const DEFAULT_TEMPERATURE = 1;
const DEFAULT_TOP_P = 1;
/**
 * Where the caller names no truncation at all, llama.cpp's own default applies: a small model that samples
 * from its whole vocabulary at temperature 1 soon loses the thread. `top_p: 1` or `min_p: 0` turns it off.
 */
const DEFAULT_MIN_P = 0.05;

/** Fields that change nothing about the answer of a node. */
const HARMLESS = new Set([
  "metadata",
  "parallel_tool_calls",
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
  logit_bias: isEmpty,
  logprobs: (value) => value === false,
  modalities: (value) => Array.isArray(value) && value.length === 1 && value[0] === "text",
  n: (value) => value === 1,
  prediction: () => false,
  reasoning_effort: (value) => value === "none",
  response_format: (value) => isRecord(value) && value.type === "text",
  tool_choice: (value) => value === "none" || value === "auto",
  tools: isEmpty,
  top_logprobs: (value) => value === 0,
  verbosity: (value) => value === "medium",
  web_search_options: () => false,
};

const MESSAGE_FIELDS = new Set(["role", "content"]);

const contentSchema = z.union([
  z.string(),
  z.array(z.object({ type: z.literal("text"), text: z.string() })).min(1),
]);

const messageSchema = z.object({
  role: z.enum(["system", "developer", "user", "assistant"]),
  content: contentSchema,
});

const penalty = z.number().min(-2).max(2).default(0);
const tokenLimit = z.number().int().positive().optional();

const requestSchema = z.object({
  model: z.string(),
  messages: z.array(messageSchema).min(1),
  stream: z.boolean().default(false),
  stream_options: z
    .object({ include_usage: z.boolean().default(false), include_obfuscation: z.boolean().optional() })
    .optional(),
  max_tokens: tokenLimit,
  max_completion_tokens: tokenLimit,
  temperature: z.number().min(0).max(2).default(DEFAULT_TEMPERATURE),
  top_p: z.number().gt(0).max(1).optional(),
  top_k: z.number().int().min(0).optional(),
  min_p: z.number().min(0).max(1).optional(),
  seed: z.number().int().optional(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(4)]).optional(),
  frequency_penalty: penalty,
  presence_penalty: penalty,
});

/**
 * Reads the body of `POST /v1/chat/completions` (OpenAI's API reference; `top_k` and `min_p` as extensions).
 * Throws a `NodeError` with status 400 that names the field: `invalid_json`, `invalid_value` or, for what this
 * engine cannot honour, `unsupported_parameter`. `null` counts as absent, as in OpenAI's API.
 */
export function parseChatRequest(body: Uint8Array): ChatRequest {
  const raw = withoutNulls(parseObject(body));
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
  if (request.stream_options !== undefined && !request.stream) {
    throw invalidRequest({
      message: "'stream_options' is only allowed with 'stream': true.",
      param: "stream_options",
    });
  }
  const namesTruncation =
    request.top_p !== undefined || request.top_k !== undefined || request.min_p !== undefined;
  return {
    messages: request.messages.map(({ role, content }) => ({
      role: role === "developer" ? "system" : role,
      content: typeof content === "string" ? content : content.map((part) => part.text).join("\n"),
    })),
    stream: request.stream,
    includeUsage: request.stream_options?.include_usage ?? false,
    maxTokens: request.max_completion_tokens ?? request.max_tokens ?? null,
    temperature: request.temperature,
    topP: request.top_p ?? DEFAULT_TOP_P,
    topK: request.top_k ?? 0,
    minP: request.min_p ?? (namesTruncation ? 0 : DEFAULT_MIN_P),
    seed: request.seed === undefined ? null : toSeed(request.seed),
    stop: typeof request.stop === "string" ? [request.stop] : (request.stop ?? []),
    frequencyPenalty: request.frequency_penalty,
    presencePenalty: request.presence_penalty,
  };
}

/** Any integer as a seed of 32 bits; llama.cpp reads 0xFFFFFFFF as "draw one", so that one value moves. */
export function toSeed(value: number): number {
  const seed = Number(BigInt.asUintN(32, BigInt(value)));
  return seed === 0xffff_ffff ? 0xffff_fffe : seed;
}

function parseObject(body: Uint8Array): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw new NodeError({
      code: "invalid_json",
      message: "The body is not valid JSON.",
      status: 400,
      retryable: false,
      cause,
    });
  }
  if (!isRecord(parsed)) {
    throw invalidRequest({ code: "invalid_json", message: "The body must be a JSON object." });
  }
  return parsed;
}

function refuseUnsupported(raw: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(raw)) {
    if (HARMLESS.has(name) || name in requestSchema.shape) continue;
    const isNeutral = NEUTRAL_ONLY[name];
    if (isNeutral === undefined) throw unsupportedParameter(name, "unknown field");
    if (!isNeutral(value)) throw unsupportedParameter(name);
  }
  if (!Array.isArray(raw.messages)) return;
  raw.messages.forEach((message: unknown, index) => {
    if (isRecord(message)) refuseUnsupportedMessage(message, `messages[${index}]`);
  });
}

function refuseUnsupportedMessage(message: Record<string, unknown>, path: string): void {
  if (message.role === "tool" || message.role === "function") {
    throw unsupportedParameter(`${path}.role`, `role '${message.role}'`);
  }
  for (const [name, value] of Object.entries(message)) {
    if (!MESSAGE_FIELDS.has(name) && !isEmpty(value)) throw unsupportedParameter(`${path}.${name}`);
  }
  if (!Array.isArray(message.content)) return;
  message.content.forEach((part: unknown, index) => {
    if (isRecord(part) && typeof part.type === "string" && part.type !== "text") {
      throw unsupportedParameter(`${path}.content[${index}]`, `part of type '${part.type}'`);
    }
  });
}

function toInvalidRequest(error: z.ZodError): NodeError {
  const issue = error.issues[0];
  const param = issue === undefined ? "" : toPath(issue.path);
  const message = issue?.message ?? "The request is not valid.";
  return invalidRequest({ message: param === "" ? message : `'${param}': ${message}`, param });
}

function toPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}

/** Top-level fields and fields of messages that are null count as absent. */
function withoutNulls(raw: Record<string, unknown>): Record<string, unknown> {
  const present = dropNulls(raw);
  if (Array.isArray(present.messages)) {
    present.messages = present.messages.map((message: unknown) =>
      isRecord(message) ? dropNulls(message) : message,
    );
  }
  return present;
}

function dropNulls(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0;
}
