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
}

/**
 * A request as the gateway understands it, whatever the client's dialect. `text` is the caller's own
 * JSON: a backend of the same dialect gets it with nothing changed but the model and the usage option.
 */
export interface Call {
  dialect: "openai-chat";
  requestedModel: string;
  stream: boolean;
  /** Whether the client asked for usage in the stream; the gateway always asks the backend for it. */
  wantsStreamUsage: boolean;
  needs: Needs;
  text: string;
}
