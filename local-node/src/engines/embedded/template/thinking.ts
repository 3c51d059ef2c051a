import type { ChatMessage } from "../../chat-messages.ts";
import type { Thinking } from "../tool-calls/reply-reader.ts";
import type { RenderJinja } from "./jinja.ts";

/** The tags around thoughts. */
export type ThinkingTags = Pick<Thinking, "open" | "close">;

/** Whether and how a model thinks before it answers. */
export interface ThinkingTraits {
  tags: ThinkingTags;
  /** Whether the template has a switch (`enable_thinking`). */
  switchable: boolean;
}

const KNOWN_TAGS: readonly ThinkingTags[] = [
  { open: "<think>", close: "</think>" },
  { open: "[THINK]", close: "[/THINK]" },
  { open: "<|channel>thought", close: "<channel|>" },
  { open: "<seed:think>", close: "</seed:think>" },
  { open: "<mm:think>", close: "</mm:think>" },
  { open: "<|START_THINKING|>", close: "<|END_THINKING|>" },
];

/** Null: the template knows of no thoughts. */
export function probeThinking(render: RenderJinja, source: string): ThinkingTraits | null {
  const tags = KNOWN_TAGS.find(({ close }) => source.includes(close));
  if (tags === undefined) return null;
  const prompt = (enabled: boolean): string | null => {
    try {
      return render({
        messages: [{ role: "user", content: "Probe question" }],
        add_generation_prompt: true,
        enable_thinking: enabled,
      });
    } catch {
      return null;
    }
  };
  return { tags, switchable: prompt(true) !== prompt(false) };
}

/** Where a rendered prompt leaves the model's thoughts. */
export function stateOfThoughts(prompt: string, { open, close }: ThinkingTags): "begun" | "over" | "open" {
  const end = prompt.trimEnd();
  if (end.endsWith(open)) return "begun";
  return end.endsWith(close) ? "over" : "open";
}

/** Thoughts that a client left in the content of an earlier answer, put where templates look for them. */
export function withoutThoughts(message: ChatMessage, { open, close }: ThinkingTags): ChatMessage {
  if (message.role !== "assistant" || message.reasoning !== undefined) return message;
  const content = message.content.trimStart();
  const end = content.indexOf(close);
  if (!content.startsWith(open) || end === -1) return message;
  return {
    ...message,
    reasoning: content.slice(open.length, end).trim(),
    content: content.slice(end + close.length).trimStart(),
  };
}
