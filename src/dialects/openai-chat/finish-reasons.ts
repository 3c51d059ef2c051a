import type { FinishReason } from "../reply.ts";

/** OpenAI's words and those that compatible servers have put in their place, as ours. */
const READ: Record<string, FinishReason> = {
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
  pause_turn: "pause",
};

const RENDERED: Record<FinishReason, string> = {
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

/** What a backend's `finish_reason` means; an unknown word counts as a plain end. */
export function readFinishReason(word: string, hasToolCalls: boolean): FinishReason {
  const reason = READ[word] ?? "stop";
  // Ollama and others end a turn of tool calls with "stop" (wire trap 16).
  return hasToolCalls && (reason === "stop" || reason === "stop_sequence") ? "tool_calls" : reason;
}

/** The `finish_reason` that clients of OpenAI's dialect know. */
export function renderFinishReason(reason: FinishReason): string {
  return RENDERED[reason];
}
