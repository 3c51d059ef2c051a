import type { FinishReason } from "../reply.ts";

/** OpenAI's words and those that compatible servers have put in their place, as ours; `failed`: the reply is none. */
export const READ_FINISH_REASONS: Readonly<Record<string, FinishReason | "failed">> = {
  stop: "stop",
  length: "length",
  tool_calls: "tool_calls",
  function_call: "tool_calls",
  content_filter: "content_filter",
  // Servers that pass another vendor's or their engine's word on.
  eos: "stop",
  eos_token: "stop",
  end_turn: "stop",
  complete: "stop",
  COMPLETE: "stop",
  STOP: "stop",
  stop_sequence: "stop_sequence",
  max_tokens: "length",
  MAX_TOKENS: "length",
  model_length: "context_length",
  model_context_window_exceeded: "context_length",
  tool_use: "tool_calls",
  tool_call: "tool_calls",
  refusal: "refusal",
  safety: "content_filter",
  SAFETY: "content_filter",
  RECITATION: "content_filter",
  sensitive: "content_filter",
  pause_turn: "pause",
  // OpenRouter; vLLM and SGLang; Zhipu; DeepSeek.
  error: "failed",
  abort: "failed",
  network_error: "failed",
  insufficient_system_resource: "failed",
};

export const RENDERED_FINISH_REASONS: Readonly<Record<FinishReason, string>> = {
  stop: "stop",
  stop_sequence: "stop",
  length: "length",
  context_length: "length",
  tool_calls: "tool_calls",
  content_filter: "content_filter",
  // OpenAI tells a refusal by the message's `refusal`; the reason that its SDKs know is this one.
  refusal: "content_filter",
  // A turn that the client is to continue has no word at OpenAI; the text so far stands.
  pause: "stop",
};

/** The whole of `finish_reason` in OpenAI's SDK types. */
const OPENAI_WORDS = new Set(["stop", "length", "tool_calls", "content_filter", "function_call"]);

const lookUp = (word: string): FinishReason | "failed" | undefined =>
  Object.hasOwn(READ_FINISH_REASONS, word) ? READ_FINISH_REASONS[word] : undefined;

/** Whether the word says that the backend gave up. */
export function isFailure(word: unknown): boolean {
  return typeof word === "string" && lookUp(word) === "failed";
}

/** What a backend's `finish_reason` means; an unknown word counts as a plain end. */
export function readFinishReason(word: string, hasToolCalls: boolean): FinishReason {
  const known = lookUp(word);
  const reason = known === undefined || known === "failed" ? "stop" : known;
  // Ollama and others end a turn of tool calls with "stop" (wire trap 16).
  return hasToolCalls && (reason === "stop" || reason === "stop_sequence") ? "tool_calls" : reason;
}

/** The `finish_reason` that clients of OpenAI's dialect know; of those that call functions, in their own word. */
export function renderFinishReason(reason: FinishReason, callsFunctions = false): string {
  return callsFunctions && reason === "tool_calls" ? "function_call" : RENDERED_FINISH_REASONS[reason];
}

/** A backend's word as a client of the same dialect may get it: OpenAI's own stay, others become one of those. */
export function mendFinishReason(word: string, called: "tools" | "function" | null): string {
  if (word === "stop" && called === "function") return "function_call";
  if (OPENAI_WORDS.has(word) && !(word === "stop" && called === "tools")) return word;
  return renderFinishReason(readFinishReason(word, called === "tools"));
}

/** The stop sequence that ended a choice, where the server tells: vLLM as `stop_reason`, SGLang as `matched_stop`. */
export function matchedStop(choice: Record<string, unknown>): string | null {
  if (choice.finish_reason !== "stop") return null;
  const told = [choice.stop_reason, choice.matched_stop].find(
    (value) => typeof value === "string" && value !== "",
  );
  return typeof told === "string" ? told : null;
}
