import type { FinishReason } from "../reply.ts";

/** Anthropic's `stop_reason`s ("Handling stop reasons"), as ours. `compaction` is of a beta: the client is to go on. */
const READ: Record<string, FinishReason> = {
  end_turn: "stop",
  stop_sequence: "stop_sequence",
  max_tokens: "length",
  tool_use: "tool_calls",
  pause_turn: "pause",
  compaction: "pause",
  refusal: "refusal",
  model_context_window_exceeded: "context_length",
};

const RENDERED: Record<FinishReason, string> = {
  stop: "end_turn",
  stop_sequence: "stop_sequence",
  length: "max_tokens",
  tool_calls: "tool_use",
  pause: "pause_turn",
  refusal: "refusal",
  // What OpenAI's filters cut off is what Anthropic's classifiers call a refusal.
  content_filter: "refusal",
  context_length: "model_context_window_exceeded",
};

/** What a backend's `stop_reason` means; an unknown word counts as a plain end (wire trap 16). */
export function readStopReason(word: string, hasToolCalls: boolean): FinishReason {
  const reason = READ[word] ?? "stop";
  return hasToolCalls && reason === "stop" ? "tool_calls" : reason;
}

/** The `stop_reason` that Anthropic's clients know. Their loops go on by `tool_use` alone. */
export function renderStopReason(reason: FinishReason | null, hasToolCalls: boolean): string {
  const known = reason ?? "stop";
  return RENDERED[hasToolCalls && known === "stop" ? "tool_calls" : known];
}

/** Words of OpenAI's dialect that servers of this one send. */
const OF_OPENAI: Record<string, string> = {
  stop: "end_turn",
  length: "max_tokens",
  tool_calls: "tool_use",
  function_call: "tool_use",
  content_filter: "refusal",
};

/** A backend's own word as its clients know it: their loops go on by `tool_use` alone (wire traps 12 and 16). */
export function mendStopReason(word: string, hasToolCalls: boolean): string {
  const known = OF_OPENAI[word] ?? word;
  return hasToolCalls && known === "end_turn" ? "tool_use" : known;
}
