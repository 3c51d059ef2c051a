/** Counts as the API reports them. */
export interface ChatUsage {
  promptTokens: number;
  /** Prompt tokens that were already in the slot's cache. */
  cachedTokens: number;
  completionTokens: number;
}

export type FinishReason = "stop" | "length";

export interface ChatIdentity {
  /** `chatcmpl-…`, the same in each chunk of a stream. */
  id: string;
  /** Seconds since the epoch. */
  created: number;
  model: string;
  /** Identifies weights and engine, so that a caller can tell when a seed stops to reproduce. */
  systemFingerprint: string;
}

const encoder = new TextEncoder();

/** Renders OpenAI's `chat.completion` object. */
export function renderCompletion(
  identity: ChatIdentity,
  reply: { content: string; finishReason: FinishReason; usage: ChatUsage },
): Uint8Array {
  return encoder.encode(
    JSON.stringify({
      id: identity.id,
      object: "chat.completion",
      created: identity.created,
      model: identity.model,
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: reply.content, refusal: null },
          logprobs: null,
          finish_reason: reply.finishReason,
        },
      ],
      usage: renderUsage(reply.usage),
      system_fingerprint: identity.systemFingerprint,
    }),
  );
}

export interface ChunkRenderer {
  /** The first chunk: the role, once. */
  start(): Uint8Array;
  text(content: string): Uint8Array;
  /** The chunk with the finish reason, the usage chunk if it was asked for, and `[DONE]`. */
  end(finishReason: FinishReason, usage: ChatUsage): Uint8Array;
}

/**
 * Renders OpenAI's `chat.completion.chunk` stream as server-sent events. With `includeUsage` each chunk
 * carries `usage: null` and a last one without choices carries the counts, as the API defines it.
 */
export function createChunkRenderer(identity: ChatIdentity, includeUsage: boolean): ChunkRenderer {
  const event = (choices: unknown[], usage: unknown): string => {
    const chunk = {
      id: identity.id,
      object: "chat.completion.chunk",
      created: identity.created,
      model: identity.model,
      system_fingerprint: identity.systemFingerprint,
      choices,
      ...(includeUsage ? { usage } : {}),
    };
    return `data: ${JSON.stringify(chunk)}\n\n`;
  };
  const choice = (delta: object, finishReason: FinishReason | null) => [
    { index: 0, delta, logprobs: null, finish_reason: finishReason },
  ];
  return {
    start: () => encoder.encode(event(choice({ role: "assistant", content: "" }, null), null)),
    text: (content) => encoder.encode(event(choice({ content }, null), null)),
    end: (finishReason, usage) =>
      encoder.encode(
        event(choice({}, finishReason), null) +
          (includeUsage ? event([], renderUsage(usage)) : "") +
          "data: [DONE]\n\n",
      ),
  };
}

function renderUsage(usage: ChatUsage) {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedTokens },
  };
}
