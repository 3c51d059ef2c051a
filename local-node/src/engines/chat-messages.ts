import { z } from "zod";
import { isRecord } from "../is-record.ts";
import { invalidRequest, unsupportedParameter } from "../serve/node-errors.ts";

/** A call of a tool, as an earlier answer made it. */
export interface ToolCall {
  id: string;
  name: string;
  arguments: Record<string, unknown>;
}

export type ChatMessage =
  /** `name`: who of several participants speaks. */
  | { role: "system" | "user"; content: string; name?: string }
  | { role: "assistant"; content: string; name?: string; reasoning?: string; toolCalls: ToolCall[] }
  /** The result of the call with this id, of the tool with this name. */
  | { role: "tool"; content: string; callId: string; name: string };

const textPart = z.object({ type: z.literal("text"), text: z.string() });
const refusalPart = z.object({ type: z.literal("refusal"), refusal: z.string() });
const content = z.union([z.string(), z.array(textPart).min(1)]);
const name = z.string().min(1).max(256).optional();

const toolCallSchema = z.object({
  id: z.string().min(1),
  type: z.literal("function").default("function"),
  function: z.object({ name: z.string().min(1), arguments: z.string() }),
});

const asSystem = z.object({ role: z.enum(["system", "developer"]), content, name });
const asUser = z.object({ role: z.literal("user"), content, name });
const asAssistant = z.object({
  role: z.literal("assistant"),
  content: z.union([z.string(), z.array(z.union([textPart, refusalPart])).min(1)]).optional(),
  name,
  refusal: z.string().optional(),
  /** As llama.cpp's server and vLLM name what they separate from the content. */
  reasoning_content: z.string().optional(),
  tool_calls: z.array(toolCallSchema).optional(),
});
const asTool = z.object({ role: z.literal("tool"), content, tool_call_id: z.string().min(1), name });

/** A message of the chat API (OpenAI's reference), without nulls; what it may not have is refused before. */
export const messageSchema = z.discriminatedUnion("role", [asSystem, asUser, asAssistant, asTool]);
type RawMessage = z.infer<typeof messageSchema>;

const FIELDS: Record<string, ReadonlySet<string>> = {
  system: new Set(Object.keys(asSystem.shape)),
  developer: new Set(Object.keys(asSystem.shape)),
  user: new Set(Object.keys(asUser.shape)),
  assistant: new Set(Object.keys(asAssistant.shape)),
  tool: new Set(Object.keys(asTool.shape)),
};
const PART_TYPES: Record<string, ReadonlySet<string>> = { assistant: new Set(["text", "refusal"]) };
const TEXT_ONLY: ReadonlySet<string> = new Set(["text"]);

/** Throws a 400 that names the field of a message, right by the API, that no text model can be given. */
export function refuseUnsupportedMessage(message: Record<string, unknown>, path: string): void {
  const { role, content, tool_calls: calls } = message;
  if (role === "function") throw unsupportedParameter(`${path}.role`, "role 'function'; use 'tool'");
  const fields = typeof role === "string" ? FIELDS[role] : undefined;
  if (fields === undefined) return;
  for (const [field, value] of Object.entries(message)) {
    if (!fields.has(field) && !isEmpty(value)) throw unsupportedParameter(`${path}.${field}`);
  }
  const types = PART_TYPES[String(role)] ?? TEXT_ONLY;
  if (Array.isArray(content)) refuseTypes(content, types, `${path}.content`, "part");
  if (Array.isArray(calls)) refuseTypes(calls, new Set(["function"]), `${path}.tool_calls`, "call");
}

/** Messages as a template is given them. Throws a 400 `invalid_value` that names what does not fit together. */
export function toChatMessages(messages: readonly RawMessage[]): ChatMessage[] {
  const toolOfCall = new Map<string, string>();
  return messages.map((message, index) => {
    const read = toChatMessage(message, `messages[${index}]`, toolOfCall);
    if (read.role === "assistant") for (const { id, name } of read.toolCalls) toolOfCall.set(id, name);
    return read;
  });
}

function toChatMessage(
  message: RawMessage,
  path: string,
  toolOfCall: ReadonlyMap<string, string>,
): ChatMessage {
  switch (message.role) {
    case "system":
    case "developer":
      return named({ role: "system", content: textOf(message.content) }, message.name);
    case "user":
      return named({ role: "user", content: textOf(message.content) }, message.name);
    case "assistant":
      return named(readAssistant(message, path), message.name);
    case "tool": {
      const { tool_call_id: callId } = message;
      const name = toolOfCall.get(callId);
      if (name === undefined) {
        throw invalidRequest({
          message: `No message before it has a tool call with the id '${callId}'. A result follows the assistant's message that made the call.`,
          param: `${path}.tool_call_id`,
        });
      }
      return { role: "tool", content: textOf(message.content), callId, name };
    }
  }
}

function named<M extends ChatMessage>(message: M, name: string | undefined): M {
  return name === undefined ? message : { ...message, name };
}

function readAssistant(message: Extract<RawMessage, { role: "assistant" }>, path: string) {
  const { content, refusal, reasoning_content: reasoning, tool_calls: calls = [] } = message;
  if (content === undefined && refusal === undefined && calls.length === 0) {
    throw invalidRequest({
      message: `'${path}.content': an assistant's message needs a content, a refusal or tool calls.`,
      param: `${path}.content`,
    });
  }
  const toolCalls = calls.map((call, index) => ({
    id: call.id,
    name: call.function.name,
    arguments: parseArguments(call.function.arguments, `${path}.tool_calls[${index}].function.arguments`),
  }));
  return {
    role: "assistant" as const,
    content: textOf(content ?? refusal ?? ""),
    ...(reasoning === undefined || reasoning === "" ? {} : { reasoning }),
    toolCalls,
  };
}

/** Templates want arguments as values. Some clients write none where a tool takes none. */
function parseArguments(text: string, path: string): Record<string, unknown> {
  if (text.trim() === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return { ...value };
  } catch {
    // said below, together with JSON that is no object
  }
  throw invalidRequest({
    message: `'${path}' is not a JSON object. Leave calls that were cut off out of the messages.`,
    param: path,
  });
}

function textOf(
  content: string | readonly (z.infer<typeof textPart> | z.infer<typeof refusalPart>)[],
): string {
  if (typeof content === "string") return content;
  return content.map((part) => (part.type === "text" ? part.text : part.refusal)).join("\n");
}

function refuseTypes(values: unknown[], known: ReadonlySet<string>, path: string, kind: string): void {
  values.forEach((value, index) => {
    if (typeof value !== "object" || value === null || !("type" in value)) return;
    if (typeof value.type === "string" && !known.has(value.type)) {
      throw unsupportedParameter(`${path}[${index}]`, `${kind} of type '${value.type}'`);
    }
  });
}

/** An empty list or object asks for nothing. */
export function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
