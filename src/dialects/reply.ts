import type { RouteletError } from "../errors.ts";
import type { OutputPart } from "./model-request.ts";

/** Tokens, counted as OpenAI counts them: the input's include what was read from and written to a cache. */
export interface Usage {
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  /** Tokens written to the prompt cache (Anthropic), which cost more than plain ones. */
  cacheWriteTokens?: number;
  /** Part of `outputTokens`. */
  reasoningTokens?: number;
}

/**
 * Why a choice ended. `refusal` and `pause` (a long server-side turn that the client is to continue) are
 * Anthropic's; `context_length`: the model's window is full.
 */
export type FinishReason =
  | "stop"
  | "stop_sequence"
  | "length"
  | "tool_calls"
  | "content_filter"
  | "refusal"
  | "pause"
  | "context_length";

/** One token's log-probability, in OpenAI's shape. */
export interface TokenLogprob {
  token: string;
  logprob: number;
  bytes: number[] | null;
  top_logprobs: { token: string; logprob: number; bytes: number[] | null }[];
}

export interface ReplyChoice {
  index: number;
  parts: OutputPart[];
  finish: FinishReason | null;
  /** The stop sequence that ended it, where the backend tells. */
  stopSequence: string | null;
  logprobs: TokenLogprob[] | null;
}

/** A whole reply, in no dialect. */
export interface Reply {
  /** The backend's own id; null when it gave none. */
  id: string | null;
  /** The model that served, as the backend names it. */
  model: string | null;
  /** Seconds since the epoch; null when the backend did not say. */
  created: number | null;
  choices: ReplyChoice[];
  usage: Usage | null;
  serviceTier: string | null;
}

/**
 * A streamed reply, in no dialect. Readers repair what backends break, so renderers may rely on this: `start` comes
 * first and once; a tool call's `index` counts from 0 per choice without gaps, begins with one `tool_call` that has an
 * id and a name, and its arguments are a whole JSON object's text at the end (`{}` where the backend sent none); each
 * choice has at most one `finish`; `usage` may come several times, and the last one holds; `end` comes only where the
 * backend itself ended its stream properly.
 */
export type ReplyEvent =
  | { type: "start"; id: string | null; model: string | null; created: number | null; usage: Usage | null }
  | { type: "text"; choice: number; text: string; logprobs?: TokenLogprob[] }
  | { type: "reasoning"; choice: number; text: string }
  /** Belongs to the reasoning that came before it. */
  | { type: "reasoning_signature"; choice: number; signature: string; origin: ReasoningOrigin }
  | { type: "redacted_reasoning"; choice: number; data: string; origin: ReasoningOrigin }
  | { type: "refusal"; choice: number; text: string }
  | { type: "tool_call"; choice: number; index: number; id: string; name: string }
  | { type: "tool_arguments"; choice: number; index: number; text: string }
  | { type: "finish"; choice: number; reason: FinishReason; stopSequence: string | null }
  | { type: "usage"; usage: Usage }
  | { type: "error"; error: RouteletError }
  | { type: "end" };

type ReasoningOrigin = Extract<OutputPart, { type: "reasoning" }>["origin"];

/** What the gateway notes of a reply while it passes, translated or not. */
export interface ReplyFacts {
  id: string | null;
  model: string | null;
  usage: Usage | null;
  /** The words of the backend's dialect, for the trace. */
  finishReasons: string[];
  /** The first content, tool, refusal or reasoning delta came: from here on the reply belongs to the client. */
  committed: boolean;
  /** The backend ended its stream as its dialect demands, or at least gave a reason for its end. */
  complete: boolean;
  /** The backend's terminator came: nothing of this reply follows. */
  terminated: boolean;
  /** An error that came inside the reply. */
  inBandError: RouteletError | null;
  /** Events that could not be read; skipped. */
  malformedEvents: number;
}

export function emptyFacts(): ReplyFacts {
  return {
    id: null,
    model: null,
    usage: null,
    finishReasons: [],
    committed: false,
    complete: false,
    terminated: false,
    inBandError: null,
    malformedEvents: 0,
  };
}
