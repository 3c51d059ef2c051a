import { isObject, type Json, parseJson } from "../json.ts";
import { setTopLevelField } from "../json-splice.ts";
import { mayBeGenuine } from "./signatures.ts";

/** A thinking block; the field of that name, which asks for thinking, is none. */
const MENTIONS = /"type"\s*:\s*"(?:redacted_)?thinking"/;

/** Whether a block is thinking that no backend of Anthropic's would accept: unsigned, or signed by someone else. */
function isForeign(block: unknown): boolean {
  if (!isObject(block)) return false;
  if (block.type === "thinking") return !mayBeGenuine(block.signature);
  return block.type === "redacted_thinking" && !mayBeGenuine(block.data);
}

function strip(message: unknown): unknown[] {
  if (!isObject(message) || message.role !== "assistant" || !Array.isArray(message.content)) return [message];
  const blocks: unknown[] = message.content;
  if (!blocks.some(isForeign)) return [message];
  const content = blocks.filter((block) => !isForeign(block));
  // A turn that was nothing but thinking leaves nothing to send; an empty one would be refused.
  return content.length === 0 ? [] : [{ ...message, content } satisfies Json];
}

/**
 * A request's text without the thinking that came from another dialect's model (wire trap 15): a conversation that
 * began on an SLM must be able to escalate. A text without such thinking is returned as it is.
 */
export function stripForeignThinking(text: string): string {
  if (!MENTIONS.test(text)) return text;
  const json = parseJson(text);
  if (!isObject(json) || !Array.isArray(json.messages)) return text;
  const before: unknown[] = json.messages;
  const after = before.flatMap(strip);
  const changed = after.length !== before.length || after.some((message, at) => message !== before[at]);
  return changed ? setTopLevelField(text, "messages", after) : text;
}
