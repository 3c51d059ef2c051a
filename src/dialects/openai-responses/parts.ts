import { pushAll } from "../../push-all.ts";
import type { TokenLogprob } from "../reply.ts";
import type { MessageItem, Part, ReasoningItem } from "./output-items.ts";

/** How a kind of part is told in a stream (OpenAI API reference, "Streaming events"). */
export interface PartForm {
  /** Which of an item's lists it stands in. */
  index: "content_index" | "summary_index";
  added: string;
  delta: string;
  /** All of its words again. */
  said: string;
  done: string;
}

const content = (name: string): PartForm => ({
  index: "content_index",
  added: "response.content_part.added",
  delta: `response.${name}.delta`,
  said: `response.${name}.done`,
  done: "response.content_part.done",
});

export const PART_FORMS: Record<Part["type"], PartForm> = {
  output_text: content("output_text"),
  refusal: content("refusal"),
  reasoning_text: content("reasoning_text"),
  summary_text: {
    index: "summary_index",
    added: "response.reasoning_summary_part.added",
    delta: "response.reasoning_summary_text.delta",
    said: "response.reasoning_summary_text.done",
    done: "response.reasoning_summary_part.done",
  },
};

/** A part without words yet. */
function newPart(type: Part["type"]): Part {
  switch (type) {
    case "output_text":
      return { type, annotations: [], logprobs: [], text: "" };
    case "refusal":
      return { type, refusal: "" };
    case "reasoning_text":
    case "summary_text":
      return { type, text: "" };
  }
}

/** Puts a new part at the end of an item; where it stands there. */
export function addPart(
  item: MessageItem | ReasoningItem,
  type: Part["type"],
): { part: Part; index: number } {
  const part = newPart(type);
  if (item.type === "message") {
    if (part.type === "output_text" || part.type === "refusal")
      return { part, index: item.content.push(part) - 1 };
  } else if (part.type === "summary_text") return { part, index: item.summary.push(part) - 1 };
  else if (part.type === "reasoning_text") return { part, index: item.content.push(part) - 1 };
  throw new TypeError(`a ${item.type} has no part of the type ${type}`);
}

/** Adds words to a part; what the delta says beside them. */
export function addWords(part: Part, words: string, logprobs: TokenLogprob[]): Record<string, unknown> {
  if (part.type === "refusal") part.refusal += words;
  else part.text += words;
  if (part.type !== "output_text") return { delta: words };
  pushAll(part.logprobs, logprobs);
  return { delta: words, logprobs };
}

/** All that a part says, as the event has it that ends its deltas. */
export function wordsOf(part: Part): Record<string, unknown> {
  if (part.type === "refusal") return { refusal: part.refusal };
  return part.type === "output_text" ? { text: part.text, logprobs: part.logprobs } : { text: part.text };
}
