import type { ModelRequest } from "./model-request.ts";

/** What a call asks of a model beyond plain text; a backend that lacks one of these is not asked. */
export interface Needs {
  tools: boolean;
  jsonSchema: boolean;
  jsonObject: boolean;
  logprobs: boolean;
  images: boolean;
  audio: boolean;
  multipleChoices: boolean;
  logitBias: boolean;
  penalties: boolean;
  /** The endpoint itself, of those that not every engine has. */
  embeddings?: boolean;
  completions?: boolean;
  /** Text in the middle: what comes after it is given too. */
  suffix?: boolean;
}

/** Plain text. */
export const NO_NEEDS: Needs = {
  tools: false,
  jsonSchema: false,
  jsonObject: false,
  logprobs: false,
  images: false,
  audio: false,
  multipleChoices: false,
  logitBias: false,
  penalties: false,
};

/** The dialects that a request can be written in; each is one endpoint. */
export const WIRE_DIALECTS = [
  "openai-chat",
  "openai-responses",
  "anthropic-messages",
  "openai-completions",
  "openai-embeddings",
] as const;
export type WireDialect = (typeof WIRE_DIALECTS)[number];

/**
 * A request as the gateway understands it, whatever the client's dialect. `text` is the caller's own
 * JSON: a backend of the same dialect gets it with nothing changed but the model and the usage option.
 */
export interface Call {
  dialect: WireDialect;
  requestedModel: string;
  stream: boolean;
  /** Whether the client asked for usage in the stream; the gateway always asks the backend for it. */
  wantsStreamUsage: boolean;
  needs: Needs;
  text: string;
  /** The kept response that this call goes on from (`previous_response_id`); of the responses dialect alone. */
  previousResponseId?: string | null;
  /** Ids of kept items that the input names in their place (`item_reference`); of the responses dialect alone. */
  itemReferences?: readonly string[];
  /**
   * Whether the reply is to be kept for later calls: `default` where the caller did not say, which means yes; undefined
   * where the dialect keeps nothing.
   */
  store?: "asked" | "default" | "no";
  /** The caller asks its provider to keep the reply, in a dialect whose replies nobody keeps here: it is not asked to. */
  ignoresStore?: boolean;
  /** The caller knows tools by the name that they had before: `functions`, of which a reply calls one (chat alone). */
  callsFunctions?: boolean;
  /** The caller will not wait: the reply is read later, by its id; of the responses dialect alone. */
  background?: boolean;
  /** How many vectors the reply must have, and how they are to be written; of the embeddings dialect alone. */
  vectors?: { format: "float" | "base64"; count: number };
  /** The body for a backend of this dialect: the caller's text with the model's name set (and usage asked for). */
  passBody(model: string): string;
  /**
   * The request in the internal form, for a backend of another dialect; built once, on demand. Null for a dialect
   * that is not translated.
   * @throws RouteletError `invalid_type` or `unsupported_parameter`, with `param`, for what has no such form.
   */
  request: (() => ModelRequest) | null;
}
