import { pushAll } from "../../push-all.ts";
import type { Json } from "../json.ts";
import { decodeText, isTextType } from "../media.ts";
import type { FilePart, ImagePart, InputPart, MediaSource, Message, OutputPart } from "../model-request.ts";
import type { ToolNames } from "../tool-names.ts";

function mediaUrl(source: MediaSource): string {
  if (source.kind === "url") return source.url;
  return source.kind === "base64" ? `data:${source.mediaType};base64,${source.data}` : source.id;
}

function renderImage({ source, detail }: ImagePart): Json {
  return {
    type: "image_url",
    image_url: { url: mediaUrl(source), ...(detail === undefined ? {} : { detail }) },
  };
}

/** OpenAI reads PDFs; a document of text is given as text, which every model reads. */
function renderFile({ source, name }: FilePart): Json {
  const plain = (text: string): Json => ({
    type: "text",
    text: name === undefined ? text : `${name}:\n${text}`,
  });
  if (source.kind === "text") return plain(source.text);
  if (source.kind === "file") return { type: "file", file: { file_id: source.id } };
  if (source.kind === "base64" && isTextType(source.mediaType)) return plain(decodeText(source.data));
  return { type: "file", file: { filename: name ?? "document.pdf", file_data: mediaUrl(source) } };
}

function renderInput(part: InputPart): Json {
  switch (part.type) {
    case "text":
      return { type: "text", text: part.text };
    case "image":
      return renderImage(part);
    case "audio":
      return { type: "input_audio", input_audio: { data: part.data, format: part.format } };
    case "file":
      return renderFile(part);
  }
}

const isText = (part: InputPart): part is Extract<InputPart, { type: "text" }> => part.type === "text";

/**
 * A string where it is text alone: some compatible servers take no list, and those that do join it by line breaks for
 * their model. OpenAI's own models get the parts as they came.
 */
function renderContent(parts: readonly InputPart[], { ownModel }: RenderOptions): string | Json[] {
  if (parts.every(isText) && (!ownModel || parts.length <= 1))
    return parts.map(({ text }) => text).join("\n");
  return parts.map(renderInput);
}

function texts(parts: readonly OutputPart[], type: "text" | "reasoning" | "refusal"): string | null {
  const found = parts.flatMap((part) => (part.type === type ? part.text : []));
  return found.length === 0 ? null : found.join("");
}

function renderAssistant(
  { content, name }: Extract<Message, { role: "assistant" }>,
  { names, callId }: RenderOptions,
  keepReasoning: boolean,
): Json {
  const calls = content.flatMap((part) =>
    part.type === "tool_call"
      ? {
          id: callId(part.id),
          type: "function",
          function: { name: names.toBackend(part.name), arguments: part.arguments || "{}" },
        }
      : [],
  );
  const reasoning = keepReasoning ? texts(content, "reasoning") : null;
  const refusal = texts(content, "refusal");
  return {
    role: "assistant",
    content: texts(content, "text") ?? (calls.length > 0 || refusal !== null ? null : ""),
    ...(name === undefined ? {} : { name }),
    ...(refusal === null ? {} : { refusal }),
    ...(reasoning === null || reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

/** A tool's result is text at OpenAI; that it is an error is said in words, where it does not say so itself. */
function renderToolResult(message: Extract<Message, { role: "tool" }>, { callId }: RenderOptions): Json {
  const text = message.content
    .filter(isText)
    .map((part) => part.text)
    .join("\n");
  const marked = message.isError && !/^\s*(error|failed)/i.test(text) ? `Error: ${text}` : text;
  return { role: "tool", tool_call_id: callId(message.callId), content: marked };
}

interface RenderOptions {
  names: ToolNames;
  /** Ids of tool calls as the backend takes them. */
  callId: (id: string) => string;
  /** One of OpenAI's own models. */
  ownModel: boolean;
}

/**
 * Renders messages for an OpenAI chat backend. Its tool messages hold text only, so what else a tool gave follows the
 * run of tool messages in the user's turn (wire trap 14).
 *
 * Reasoning goes along as `reasoning_content` within the turn that is still under way, after the last user message:
 * models that think between tool calls need it there (DeepSeek, Kimi, GLM, MiniMax; vLLM and llama.cpp give it to
 * the template). From turns before, templates drop it anyway, and OpenAI's own models have no such field.
 */
export function renderMessages(messages: readonly Message[], options: RenderOptions): Json[] {
  const lastUser = messages.findLastIndex(({ role }) => role === "user");
  const out: Json[] = [];
  let held: InputPart[] = [];
  const release = (more: readonly InputPart[], name: { name?: string } = {}): void => {
    out.push({ role: "user", content: renderContent([...held, ...more], options), ...name });
    held = [];
  };
  for (const [at, message] of messages.entries()) {
    if (message.role === "tool") {
      out.push(renderToolResult(message, options));
      const media = message.content.filter((part) => !isText(part));
      if (media.length > 0) {
        held.push({ type: "text", text: `From tool call ${options.callId(message.callId)}:` });
        pushAll(held, media);
      }
      continue;
    }
    const name = message.name === undefined ? {} : { name: message.name };
    if (message.role === "user") {
      release(message.content, name);
      continue;
    }
    if (held.length > 0) release([]);
    if (message.role === "assistant") {
      out.push(renderAssistant(message, options, !options.ownModel && at > lastUser));
    } else {
      const role = message.role === "developer" && !options.ownModel ? "system" : message.role;
      out.push({ role, content: renderContent(message.content, options), ...name });
    }
  }
  if (held.length > 0) release([]);
  return out;
}
