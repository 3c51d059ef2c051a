import type { TokenLogprob } from "./logprobs.ts";
import type { ShownReplyPart } from "./reply-part.ts";

/** Counts as the API reports them. */
export interface ChatUsage {
  promptTokens: number;
  /** Prompt tokens that were already in the slot's cache. */
  cachedTokens: number;
  completionTokens: number;
  /** Of the completion's tokens, those of thoughts. */
  reasoningTokens: number;
}

export const NO_USAGE: ChatUsage = {
  promptTokens: 0,
  cachedTokens: 0,
  completionTokens: 0,
  reasoningTokens: 0,
};

export type FinishReason = "stop" | "length" | "tool_calls";

export interface ChatIdentity {
  /** `chatcmpl-…`, the same in each chunk of a stream. */
  id: string;
  /** Seconds since the epoch. */
  created: number;
  model: string;
  /** Identifies weights and engine, so that a caller can tell when a seed stops to reproduce. */
  systemFingerprint: string;
}

export interface ChatChoice {
  content: string;
  /** What the model thought before; empty: nothing. */
  reasoning: string;
  toolCalls: { id: string; name: string; arguments: string }[];
  /** Null: not asked for. */
  logprobs: TokenLogprob[] | null;
  finishReason: FinishReason;
}

const encoder = new TextEncoder();

/** Renders OpenAI's `chat.completion` object. */
export function renderCompletion(
  identity: ChatIdentity,
  reply: { choices: ChatChoice[]; usage: ChatUsage },
): Uint8Array {
  return encoder.encode(
    JSON.stringify({
      id: identity.id,
      object: "chat.completion",
      created: identity.created,
      model: identity.model,
      choices: reply.choices.map((choice, index) => ({
        index,
        message: renderMessage(choice),
        logprobs: renderLogprobs(choice.logprobs),
        finish_reason: choice.finishReason,
      })),
      usage: renderUsage(reply.usage),
      system_fingerprint: identity.systemFingerprint,
    }),
  );
}

function renderMessage({ content, reasoning, toolCalls }: ChatChoice) {
  return {
    role: "assistant",
    content: content === "" && toolCalls.length > 0 ? null : content,
    refusal: null,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(toolCalls.length === 0
      ? {}
      : {
          tool_calls: toolCalls.map(({ id, name, arguments: text }) => ({
            id,
            type: "function",
            function: { name, arguments: text },
          })),
        }),
  };
}

export interface ChunkRenderer {
  /** The first chunk of a choice: the role, once. */
  start(choice: number): Uint8Array;
  part(choice: number, part: ShownReplyPart, logprobs: TokenLogprob[] | null): Uint8Array;
  /** The last chunk of a choice. */
  finish(choice: number, finishReason: FinishReason): Uint8Array;
  /** The usage chunk if it was asked for, and `[DONE]`. */
  end(usage: ChatUsage): Uint8Array;
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
  const delta = (index: number, content: object, logprobs: TokenLogprob[] | null = null): Uint8Array =>
    encoder.encode(
      event([{ index, delta: content, logprobs: renderLogprobs(logprobs), finish_reason: null }], null),
    );
  return {
    start: (choice) => delta(choice, { role: "assistant", content: "" }),
    part: (choice, part, logprobs) => delta(choice, renderDelta(part), logprobs),
    finish: (index, finishReason) =>
      encoder.encode(event([{ index, delta: {}, logprobs: null, finish_reason: finishReason }], null)),
    end: (usage) => encoder.encode(`${includeUsage ? event([], renderUsage(usage)) : ""}data: [DONE]\n\n`),
  };
}

/** A call's id and name come once, before any of its arguments. */
function renderDelta(part: ShownReplyPart): object {
  switch (part.type) {
    case "content":
      return { content: part.text };
    case "reasoning":
      return { reasoning_content: part.text };
    case "call": {
      const { index, id, name } = part;
      return { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] };
    }
    case "arguments":
      return { tool_calls: [{ index: part.index, function: { arguments: part.text } }] };
  }
}

function renderLogprobs(logprobs: TokenLogprob[] | null) {
  return logprobs === null ? null : { content: logprobs, refusal: null };
}

export function renderUsage(usage: ChatUsage) {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedTokens },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  };
}
