import { isObject, type Json } from "../dialects/json.ts";
import type { Said } from "./agreement.ts";

type Call = Said["calls"][number];

const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value ?? {}));

/** A tool call as one of the dialects writes it; null for what is none. */
export function callOf(item: unknown): Call | null {
  if (!isObject(item)) return null;
  const { type, name } = item;
  if (isObject(item.function) && typeof item.function.name === "string")
    return { name: item.function.name, arguments: asText(item.function.arguments) };
  if (typeof name !== "string") return null;
  if (type === "tool_use") return { name, arguments: asText(item.input) };
  return type === "function_call" ? { name, arguments: asText(item.arguments) } : null;
}

/** The words of a message's content: a string, or a list of parts. */
export function wordsOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .filter(isObject)
    .map((part) => (part.type === "message" ? wordsOf(part.content) : (part.text ?? "")))
    .filter((text) => typeof text === "string")
    .join("");
}

function ofItems(items: readonly unknown[]): Said | null {
  const calls = items.flatMap((item) => callOf(item) ?? []);
  const text = wordsOf(items);
  return calls.length === 0 && text === "" ? null : said(text, calls);
}

const said = (text: string, calls: readonly Call[] = []): Said => ({
  text,
  refusal: null,
  calls,
  finish: "complete",
});

function ofMessage({ content, tool_calls }: Json): Said | null {
  const calls = Array.isArray(tool_calls) ? tool_calls.flatMap((call) => callOf(call) ?? []) : [];
  if (Array.isArray(content)) {
    const found = ofItems(content);
    if (found !== null) return { ...found, calls: [...found.calls, ...calls] };
  }
  const text = wordsOf(content);
  return text === "" && calls.length === 0 ? null : said(text, calls);
}

/**
 * A corrected answer as it is compared: a text, or the reply, message, content or output of any dialect. Any other object is
 * the JSON that the answer should have been.
 */
export function saidOfCorrection(corrected: unknown): Said | null {
  if (typeof corrected === "string") return said(corrected);
  if (Array.isArray(corrected)) return ofItems(corrected) ?? said(JSON.stringify(corrected));
  if (!isObject(corrected)) return null;
  const [choice] = Array.isArray(corrected.choices) ? corrected.choices : [];
  if (isObject(choice) && isObject(choice.message)) return ofMessage(choice.message);
  if (Array.isArray(corrected.output)) {
    const found = ofItems(corrected.output);
    if (found !== null) return found;
  }
  const call = callOf(corrected);
  if (call !== null) return said("", [call]);
  const isMessage = corrected.role === "assistant" || Array.isArray(corrected.tool_calls);
  return isMessage ? ofMessage(corrected) : said(JSON.stringify(corrected));
}
