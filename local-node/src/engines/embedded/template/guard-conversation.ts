import type { ChatMessage } from "../../chat-messages.ts";
import type { TemplateTool } from "./traits.ts";

type Replace = (text: string) => string;

/** The same message with all that its caller wrote guarded. Its role is a word of the API. */
export function guardMessage(message: ChatMessage, guard: Replace): ChatMessage {
  switch (message.role) {
    case "system":
    case "user":
      return { role: message.role, content: guard(message.content), ...guardName(message, guard) };
    case "assistant":
      return {
        role: message.role,
        content: guard(message.content),
        ...guardName(message, guard),
        ...(message.reasoning === undefined ? {} : { reasoning: guard(message.reasoning) }),
        toolCalls: message.toolCalls.map((call) => ({
          id: guard(call.id),
          name: guard(call.name),
          arguments: guardValue(call.arguments, guard),
        })),
      };
    case "tool":
      return {
        role: message.role,
        content: guard(message.content),
        callId: guard(message.callId),
        name: guard(message.name),
      };
  }
}

/** The words of JSON Schema that templates look at: they are not the caller's. */
const SCHEMA_WORDS = new Set([
  "additionalProperties",
  "allOf",
  "anyOf",
  "array",
  "boolean",
  "default",
  "description",
  "enum",
  "format",
  "integer",
  "items",
  "null",
  "nullable",
  "number",
  "object",
  "oneOf",
  "properties",
  "required",
  "string",
  "title",
  "type",
]);

export function guardTool({ type, function: tool }: TemplateTool, guard: Replace): TemplateTool {
  return {
    type,
    function: {
      name: guard(tool.name),
      description: guard(tool.description),
      parameters: guardValue(tool.parameters, (text) => (SCHEMA_WORDS.has(text) ? text : guard(text))),
    },
  };
}

function guardName({ name }: { name?: string }, guard: Replace): { name?: string } {
  return name === undefined ? {} : { name: guard(name) };
}

/** Templates know whole numbers of 64 bits. */
const WHOLE_LIMIT = 2 ** 63;

/** The same value with its strings guarded, the keys of objects included, and numbers that no template takes as text. */
function guardValue<T>(value: T, guard: Replace): T {
  const guarded = (inner: unknown): unknown => {
    if (typeof inner === "string") return guard(inner);
    if (typeof inner === "number" && Math.abs(inner) >= WHOLE_LIMIT) return String(inner);
    if (Array.isArray(inner)) return inner.map(guarded);
    if (typeof inner !== "object" || inner === null) return inner;
    return Object.fromEntries(Object.entries(inner).map(([key, member]) => [guard(key), guarded(member)]));
  };
  return guarded(value) as T;
}
