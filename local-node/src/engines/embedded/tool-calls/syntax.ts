import type { ToolCall } from "../../chat-messages.ts";
import { toJson } from "../template/to-json.ts";

/** A text, or where a call has the name of its tool or its id. */
export type Part = string | { slot: "name" | "id" };

/**
 * How a model writes calls of tools: `start`, calls with `separator` between them, `end`; and each call as `open`, its
 * arguments, `close`.
 */
export interface ToolSyntax {
  start: string;
  open: readonly Part[];
  /** Null: one JSON object. */
  pairs: PairSyntax | null;
  close: readonly Part[];
  separator: string;
  end: string;
  /** Whether a reply may have more than one call. */
  several: boolean;
}

/** Arguments one by one: `before`, a name, `between`, a value, `after`; and `separator` between two of them. */
export interface PairSyntax {
  before: string;
  /** Some templates say there whether a text follows. */
  between: { text: string; other: string };
  after: string;
  separator: string;
  /** What texts stand in; null: they stand as they are, up to `after`. Values that are no texts are JSON. */
  quote: string | null;
  /** Whether the template puts names in order, so that its model does. */
  sorted: boolean;
}

/** Hermes' and Qwen's: the most widely trained, and what models that never saw tools copy best. */
export const GENERIC_SYNTAX: ToolSyntax = {
  start: "",
  open: ['<tool_call>\n{"name": "', { slot: "name" }, '", "arguments": '],
  pairs: null,
  close: ["}\n</tool_call>"],
  separator: "\n",
  end: "",
  several: true,
};

/** Calls as the model writes them. */
export function writeCalls(syntax: ToolSyntax, calls: readonly ToolCall[]): string {
  const fill = (parts: readonly Part[], call: ToolCall): string =>
    parts.map((part) => (typeof part === "string" ? part : call[part.slot])).join("");
  const written = calls.map(
    (call) =>
      fill(syntax.open, call) + writeArguments(syntax.pairs, call.arguments) + fill(syntax.close, call),
  );
  return syntax.start + written.join(syntax.separator) + syntax.end;
}

function writeArguments(pairs: PairSyntax | null, values: Record<string, unknown>): string {
  if (pairs === null) return toJson(values);
  const { before, between, after, separator, quote } = pairs;
  const entries = Object.entries(values);
  if (pairs.sorted) entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return entries
    .map(([key, value]) =>
      typeof value === "string"
        ? `${before}${key}${between.text}${quoted(value, quote)}${after}`
        : `${before}${key}${between.other}${toJson(value)}${after}`,
    )
    .join(separator);
}

function quoted(text: string, quote: string | null): string {
  if (quote === null) return text;
  // A quote of one character can be escaped, a longer one does not come in texts.
  const escaped =
    quote.length > 1
      ? text
      : text.replaceAll("\\", "\\\\").replaceAll(quote, `\\${quote}`).replaceAll("\n", "\\n");
  return quote + escaped + quote;
}

/** What a reply has in front of its first call's name, without the white space before it. */
export function leadOf({ start, open }: ToolSyntax): string {
  const [first] = open;
  return (start + (typeof first === "string" ? first : "")).trimStart();
}

/** Markup, from which on a reply cannot be anything but calls. */
const MARKUP = /^(?:<[^<>\s]+>|\[[A-Z_]+\])/;

/**
 * The text that begins calls. Where it is no markup of its own (Llama 3 writes bare JSON), calls are a whole reply.
 */
export function markerOf(syntax: ToolSyntax): { text: string; anywhere: boolean } {
  const lead = leadOf(syntax);
  const markup = MARKUP.exec(lead)?.[0];
  if (markup !== undefined) return { text: markup, anywhere: true };
  return { text: lead, anywhere: lead.startsWith("<") };
}
