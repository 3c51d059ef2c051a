import { mendFinishReason } from "../openai-chat/finish-reasons.ts";

/** A choice, whole or as a chunk has it; only that it is an object is certain. */
export type Choice = Record<string, unknown>;

/** Whether a choice is one of this dialect: servers that have only chat answer with messages here. */
export function isTextChoice(choice: Choice): boolean {
  return (
    typeof choice.text === "string" || (choice.text == null && choice.message == null && choice.delta == null)
  );
}

/**
 * A choice with its index, text, and a reason for its end that OpenAI has (wire trap 16), or `null` for none yet; the
 * same object where nothing was wrong.
 */
export function mendChoice(choice: Choice, options: { at: number; reason: string | null }): Choice {
  const index = typeof choice.index === "number" ? choice.index : options.at;
  const text = typeof choice.text === "string" ? choice.text : "";
  const { reason } = options;
  if (index === choice.index && text === choice.text && reason === (choice.finish_reason ?? null))
    return choice;
  return { ...choice, index, text, logprobs: choice.logprobs ?? null, finish_reason: reason };
}

/** A backend's `finish_reason` in OpenAI's words; null for none. */
export function reasonOf(choice: Choice): string | null {
  const { finish_reason } = choice;
  return typeof finish_reason === "string" && finish_reason !== ""
    ? mendFinishReason(finish_reason, null)
    : null;
}

/** The id of a reply that its backend gave none. */
export function completionIdOf(callId: string): string {
  return `cmpl-${callId}`;
}
