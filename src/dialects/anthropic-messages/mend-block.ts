import { isObject, type Json } from "../json.ts";
import { textOf } from "./wire.ts";

/** A tool's call as clients can answer it: with an id, and with an object for its input; null where it is right. */
export function mendToolUse(block: unknown, id: () => string): Json | null {
  if (!isObject(block) || block.type !== "tool_use") return null;
  const named = textOf(block.id) !== "";
  if (named && isObject(block.input)) return null;
  return { ...block, id: named ? block.id : id(), input: isObject(block.input) ? block.input : {} };
}

/** The block that a delta goes on with, where its server has not begun it; null for one that cannot be guessed. */
export function blockOf(delta: unknown): Json | null {
  if (!isObject(delta)) return null;
  switch (delta.type) {
    case "text_delta":
    case "citations_delta":
      return { type: "text", text: "" };
    case "thinking_delta":
    case "signature_delta":
      return { type: "thinking", thinking: "", signature: "" };
    default:
      return null;
  }
}
