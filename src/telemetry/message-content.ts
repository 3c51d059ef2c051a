/** The most that one content attribute may hold, in bytes of UTF-8. */
export const MAX_CONTENT_BYTES = 65_536;

/** One content attribute's value: a JSON string in the GenAI conventions' shape. */
export interface ContentAttribute {
  json: string;
  /** Bytes of the whole content, when `json` holds less than all of it; else null. */
  originalBytes: number | null;
}

/** A message as chat endpoints have it; of its fields only those below are read. */
export interface ChatMessage {
  role?: unknown;
  content?: unknown;
  tool_calls?: unknown;
  tool_call_id?: unknown;
}

/** An answer of a chat endpoint: an element of `choices`. */
export interface ChatChoice {
  message?: ChatMessage;
  finish_reason?: unknown;
}

type Part = Record<string, unknown>;
interface ContentMessage {
  role: string;
  parts: Part[];
  finish_reason?: string;
}

/** `gen_ai.input.messages`: text, tool calls and tool results; of images and sound only that they were there. */
export function inputContent(messages: readonly ChatMessage[]): ContentAttribute {
  return withinLimit(messages.map(toContentMessage));
}

/** `gen_ai.output.messages`: as the input, with each choice's finish reason. */
export function outputContent(choices: readonly ChatChoice[]): ContentAttribute {
  return withinLimit(
    choices.map((choice) => ({
      ...toContentMessage(choice.message ?? { role: "assistant" }),
      finish_reason: typeof choice.finish_reason === "string" ? choice.finish_reason : "",
    })),
  );
}

function toContentMessage(message: ChatMessage): ContentMessage {
  const role = typeof message.role === "string" ? message.role : "assistant";
  if (role === "tool") {
    return {
      role,
      parts: [{ type: "tool_call_response", id: message.tool_call_id, result: textOf(message.content) }],
    };
  }
  return { role, parts: [...contentParts(message.content), ...toolCallParts(message.tool_calls)] };
}

function contentParts(content: unknown): Part[] {
  if (typeof content === "string") return [{ type: "text", content }];
  if (!Array.isArray(content)) return [];
  return content.filter(isRecord).map((part) => {
    if (typeof part.text === "string") return { type: "text", content: part.text };
    return { type: typeof part.type === "string" ? part.type : "unknown" };
  });
}

function toolCallParts(calls: unknown): Part[] {
  if (!Array.isArray(calls)) return [];
  return calls.filter(isRecord).map((call) => {
    const target = isRecord(call.function) ? call.function : {};
    return { type: "tool_call", id: call.id, name: target.name, arguments: target.arguments };
  });
}

function textOf(content: unknown): string {
  return contentParts(content)
    .map((part) => part.content)
    .filter((text) => typeof text === "string")
    .join("\n");
}

/** Shortens the longest texts first, then drops messages from the middle, so that what is left is valid JSON. */
function withinLimit(messages: ContentMessage[]): ContentAttribute {
  const whole = JSON.stringify(messages);
  const originalBytes = utf8Bytes(whole);
  if (originalBytes <= MAX_CONTENT_BYTES) return { json: whole, originalBytes: null };
  for (const limit of [16_384, 4_096, 1_024, 256]) {
    const json = JSON.stringify(messages.map((message) => shorten(message, limit)));
    if (utf8Bytes(json) <= MAX_CONTENT_BYTES) return { json, originalBytes };
  }
  let kept = messages.map((message) => shorten(message, 256));
  while (kept.length > 1) {
    const half = Math.ceil(kept.length / 2);
    kept = [...kept.slice(0, Math.ceil(half / 2)), ...kept.slice(kept.length - Math.floor(half / 2))];
    const json = JSON.stringify(kept);
    if (utf8Bytes(json) <= MAX_CONTENT_BYTES) return { json, originalBytes };
  }
  return { json: "[]", originalBytes };
}

function shorten(message: ContentMessage, limit: number): ContentMessage {
  return {
    ...message,
    parts: message.parts.map((part) =>
      Object.fromEntries(
        Object.entries(part).map(([key, value]) => [
          key,
          typeof value === "string" && value.length > limit
            ? `${value.slice(0, limit).toWellFormed()}…`
            : value,
        ]),
      ),
    ),
  };
}

function utf8Bytes(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
