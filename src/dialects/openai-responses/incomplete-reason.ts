import type { FinishReason } from "../reply.ts";
import type { OutputItem } from "./output-items.ts";
import type { ResponseState } from "./response-object.ts";

/** OpenAI's reasons, of which there are two. */
const REASONS: Partial<Record<FinishReason, NonNullable<ResponseState["incompleteReason"]>>> = {
  length: "max_output_tokens",
  context_length: "max_output_tokens",
  content_filter: "content_filter",
  // Anthropic's classifiers stopped it.
  refusal: "content_filter",
  // A turn that its provider has cut, for the client to go on with.
  pause: "max_output_tokens",
};

const hasRefused = (item: OutputItem): boolean =>
  item.type === "message" && item.content.some(({ type }) => type === "refusal");

/** Why a response is incomplete; null when it is complete. A refusal in words of its own is a whole answer. */
export function incompleteReason(
  finish: FinishReason | null,
  output: readonly OutputItem[],
): ResponseState["incompleteReason"] {
  if (finish === null || (finish === "refusal" && output.some(hasRefused))) return null;
  return REASONS[finish] ?? null;
}
