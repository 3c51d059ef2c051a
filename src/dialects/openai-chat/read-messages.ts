import { pushAll } from "../../push-all.ts";
import type { InputPart, Message, OutputPart } from "../model-request.ts";
import { placed, placeOf } from "../places.ts";
import { invalidField, readWith } from "../read-json.ts";
import type { NativeFields } from "./native-fields.ts";
import { readInputContent, readOutputContent, readTextContent } from "./read-content.ts";
import { type ChatFields, messages } from "./request-schema.ts";

type Path = readonly PropertyKey[];

/** `function_call` had no ids: a result belongs to the last call of its name. */
const legacyId = (at: number): string => `call_function_${at}`;

const named = (said: { name?: string | undefined }): { name?: string } =>
  said.name === undefined ? {} : { name: said.name };
const cache = (said: { cache_control?: unknown }): { cacheControl?: unknown } =>
  said.cache_control == null ? {} : { cacheControl: said.cache_control };

/** A message's own `cache_control` belongs to the end of it. */
function cachedAtEnd<Part extends InputPart>(parts: Part[], said: { cache_control?: unknown }): Part[] {
  const last = parts.at(-1);
  if (said.cache_control == null || last === undefined || last.type === "audio") return parts;
  const marked = { ...last, ...cache(said) };
  const place = placeOf(last);
  return [...parts.slice(0, -1), place === null ? marked : placed(marked, place)];
}

function readAssistant(json: object, at: number, native: NativeFields): Message {
  const path: Path = ["messages", at];
  const said = readWith(messages.assistant, json, path);
  const content: OutputPart[] = [];
  const thought = said.reasoning_content || said.reasoning;
  if (thought)
    content.push({
      type: "reasoning",
      text: thought,
      signature: null,
      redacted: null,
      origin: "openai-chat",
    });
  pushAll(content, readOutputContent(said.content ?? "", { path: [...path, "content"], native }));
  if (said.refusal) content.push({ type: "refusal", text: said.refusal });
  for (const [index, { id, type, function: call }] of (said.tool_calls ?? []).entries()) {
    const callPath = [...path, "tool_calls", index];
    if (type !== "function") native.add(callPath);
    else if (call === undefined) throw invalidField([...callPath, "function"], "is missing");
    else content.push({ type: "tool_call", id, name: call.name, arguments: call.arguments });
  }
  if (said.function_call) {
    const { name, arguments: given } = said.function_call;
    content.push({ type: "tool_call", id: legacyId(at), name, arguments: given });
  }
  // Clients give whole replies back, whatever their backend put in: other fields are echoes.
  if (said.audio != null) native.add([...path, "audio"]);
  return { role: "assistant", content, ...named(said) };
}

/**
 * The messages in the internal form.
 *
 * @throws RouteletError `invalid_type`, with the path of what is wrong.
 */
export function readMessages(given: ChatFields["messages"], native: NativeFields): Message[] {
  const legacyCalls = new Map<string, string>();

  function readFunctionResult(json: object, at: number): Message {
    const { name, content } = readWith(messages.function, json, ["messages", at]);
    const callId = legacyCalls.get(name);
    if (callId === undefined)
      throw invalidField(["messages", at], `answers no \`function_call\` of the function ${name}`);
    return {
      role: "tool",
      callId,
      content: content === null || content === "" ? [] : [{ type: "text", text: content }],
      isError: false,
    };
  }

  function readMessage(json: ChatFields["messages"][number], at: number): Message {
    const { role } = json;
    const reading = { path: ["messages", at, "content"], native };
    if (role === "assistant") {
      const message = readAssistant(json, at, native);
      if (message.role === "assistant")
        for (const part of message.content)
          if (part.type === "tool_call" && part.id === legacyId(at)) legacyCalls.set(part.name, part.id);
      return message;
    }
    native.addUnknown(json, messages[role].shape, ["messages", at]);
    switch (role) {
      case "system":
      case "developer": {
        const said = readWith(messages[role], json, ["messages", at]);
        return { role, content: cachedAtEnd(readTextContent(said.content, reading), said), ...named(said) };
      }
      case "user": {
        const said = readWith(messages.user, json, ["messages", at]);
        return { role, content: cachedAtEnd(readInputContent(said.content, reading), said), ...named(said) };
      }
      case "tool": {
        const said = readWith(messages.tool, json, ["messages", at]);
        const content = readInputContent(said.content, reading);
        return { role, callId: said.tool_call_id, content, isError: false, ...cache(said) };
      }
      case "function":
        return readFunctionResult(json, at);
    }
  }

  return given.map(readMessage);
}
