/** Where the bytes of an image or a file are. */
export type MediaSource =
  | { kind: "url"; url: string }
  /** `data` is base64 without a `data:` prefix; `mediaType` such as `image/png`. */
  | { kind: "base64"; mediaType: string; data: string }
  /** A file that was uploaded to the provider; only that provider knows it. */
  | { kind: "file"; id: string };

/** Anthropic's `cache_control` as it came; kept for backends that speak that dialect, meaningless elsewhere. */
interface Cacheable {
  cacheControl?: unknown;
}

export interface TextPart extends Cacheable {
  type: "text";
  text: string;
}

export interface ImagePart extends Cacheable {
  type: "image";
  source: MediaSource;
  /** OpenAI's `detail`. */
  detail?: string;
}

export interface AudioPart {
  type: "audio";
  /** Base64. */
  data: string;
  /** `wav`, `mp3`, … */
  format: string;
}

export interface FilePart extends Cacheable {
  type: "file";
  source: MediaSource | { kind: "text"; text: string };
  name?: string;
}

/** A tool call of the model. `arguments` is the text of a JSON object, as the model wrote it. */
export interface ToolCallPart extends Cacheable {
  type: "tool_call";
  id: string;
  name: string;
  arguments: string;
}

/**
 * What the model thought. `signature` and `redacted` are opaque and mean something only to the provider in whose
 * dialect they came (`origin`): elsewhere they are left out.
 */
export interface ReasoningPart {
  type: "reasoning";
  text: string;
  signature: string | null;
  /** Anthropic's redacted thinking, or OpenAI's encrypted content. */
  redacted: string | null;
  origin: "openai-chat" | "openai-responses" | "anthropic-messages";
}

export interface RefusalPart {
  type: "refusal";
  text: string;
}

export type InputPart = TextPart | ImagePart | AudioPart | FilePart;
export type OutputPart = TextPart | RefusalPart | ReasoningPart | ToolCallPart;

export type Message =
  | { role: "system" | "developer"; content: TextPart[]; name?: string }
  | { role: "user"; content: InputPart[]; name?: string }
  /** In the order in which the model said it. */
  | { role: "assistant"; content: OutputPart[]; name?: string }
  /** The result of one tool call. */
  | ({ role: "tool"; callId: string; content: InputPart[]; isError: boolean } & Cacheable);

export interface Tool extends Cacheable {
  name: string;
  description: string | null;
  /** A JSON Schema object; null for a tool without parameters. */
  parameters: Record<string, unknown> | null;
  strict: boolean | null;
}

export type ToolChoice =
  | { type: "auto" | "none" | "required" }
  | { type: "tool"; name: string }
  /** Only these of the tools. */
  | { type: "allowed"; mode: "auto" | "required"; names: string[] };

export type ResponseFormat =
  | { type: "json_object" }
  | {
      type: "json_schema";
      name: string;
      description: string | null;
      schema: Record<string, unknown>;
      strict: boolean | null;
    };

export interface ReasoningRequest {
  /** OpenAI's `effort`: none, minimal, low, medium, high, xhigh; null where only a budget was given. */
  effort: string | null;
  /** Anthropic's `budget_tokens`; null where only an effort was given. */
  budgetTokens: number | null;
  /** OpenAI's `summary` (auto, concise, detailed); null when no summary was asked for. */
  summary: string | null;
}

/**
 * What a call asks of a model, in no dialect: the one form between every client dialect and every backend dialect.
 * Null, and an empty list, mean that the caller did not say. It is built only where a call must be translated; a
 * backend of the caller's own dialect gets the caller's bytes.
 */
export interface ModelRequest {
  messages: Message[];
  tools: Tool[];
  toolChoice: ToolChoice | null;
  parallelToolCalls: boolean | null;
  format: ResponseFormat | null;
  maxTokens: number | null;
  temperature: number | null;
  topP: number | null;
  topK: number | null;
  stop: string[];
  seed: number | null;
  /** How many choices. */
  n: number | null;
  presencePenalty: number | null;
  frequencyPenalty: number | null;
  logitBias: Record<string, number> | null;
  logprobs: boolean;
  topLogprobs: number | null;
  reasoning: ReasoningRequest | null;
  /** OpenAI's `verbosity`: low, medium, high. */
  verbosity: string | null;
  serviceTier: string | null;
  /** The end user, as an opaque name: OpenAI's `safety_identifier` or `user`, Anthropic's `metadata.user_id`. */
  user: string | null;
  metadata: Record<string, string> | null;
  /** OpenAI's predicted output, as it came. */
  prediction: unknown;
  promptCacheKey: string | null;
  /**
   * Paths of fields that were given and that only a backend of the caller's own dialect can honour, for example
   * `container` or `conversation`. A translation with one of them is refused by its name.
   */
  nativeOnly: string[];
  /**
   * The same of tools that the provider of the caller's dialect runs itself (web search and the like), and of what these
   * left in the conversation. A translation leaves them out, where the settings allow it; else it is refused too.
   */
  hosted: string[];
}

/** Whether a tool must be called where there is none. */
export function demandsNoTool({ toolChoice: choice, tools }: ModelRequest): boolean {
  const demands = choice?.type === "required" || choice?.type === "tool" || choice?.type === "allowed";
  return demands && tools.length === 0;
}

/** A request that says nothing: what a dialect's parser fills in. */
export function emptyRequest(): ModelRequest {
  return {
    messages: [],
    tools: [],
    toolChoice: null,
    parallelToolCalls: null,
    format: null,
    maxTokens: null,
    temperature: null,
    topP: null,
    topK: null,
    stop: [],
    seed: null,
    n: null,
    presencePenalty: null,
    frequencyPenalty: null,
    logitBias: null,
    logprobs: false,
    topLogprobs: null,
    reasoning: null,
    verbosity: null,
    serviceTier: null,
    user: null,
    metadata: null,
    prediction: null,
    promptCacheKey: null,
    nativeOnly: [],
    hosted: [],
  };
}
