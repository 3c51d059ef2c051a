import type { FilePart, ImagePart, InputPart, MediaSource, Message, OutputPart } from "../model-request.ts";
import type { ToolNames } from "../tool-names.ts";

type Json = Record<string, unknown>;

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

function renderFile({ source, name }: FilePart): Json {
  if (source.kind === "text")
    return { type: "text", text: name === undefined ? source.text : `${name}:\n${source.text}` };
  if (source.kind === "file") return { type: "file", file: { file_id: source.id } };
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

/** A string where it is text alone, as every compatible server takes it. */
function renderContent(parts: readonly InputPart[]): string | Json[] {
  const [only] = parts;
  if (parts.length === 0) return "";
  if (parts.length === 1 && only?.type === "text") return only.text;
  return parts.map(renderInput);
}

function texts(parts: readonly OutputPart[], type: "text" | "reasoning" | "refusal"): string | null {
  const found = parts.flatMap((part) => (part.type === type ? part.text : []));
  return found.length === 0 ? null : found.join("");
}

function renderAssistant(
  message: Extract<Message, { role: "assistant" }>,
  { names, keepReasoning }: RenderOptions,
): Json {
  const { content } = message;
  const calls = content.flatMap((part) =>
    part.type === "tool_call"
      ? {
          id: part.id,
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
    ...(message.name === undefined ? {} : { name: message.name }),
    ...(refusal === null ? {} : { refusal }),
    ...(reasoning === null || reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

const isText = (part: InputPart): part is Extract<InputPart, { type: "text" }> => part.type === "text";

/** A tool's result is text at OpenAI; that it is an error is said in words, where it does not say so itself. */
function renderToolResult(message: Extract<Message, { role: "tool" }>): Json {
  const text = message.content
    .filter(isText)
    .map((part) => part.text)
    .join("\n");
  const marked = message.isError && !/^\s*(error|failed)/i.test(text) ? `Error: ${text}` : text;
  return { role: "tool", tool_call_id: message.callId, content: marked };
}

interface RenderOptions {
  names: ToolNames;
  /** `developer` for OpenAI's own models; others know `system` only. */
  developerRole: "developer" | "system";
  /** Whether earlier reasoning goes along as `reasoning_content`, which OpenAI's own models have no field for. */
  keepReasoning: boolean;
}

/**
 * Renders messages for an OpenAI chat backend. Its tool messages hold text only, so what else a tool gave follows the
 * run of tool messages as one user message (wire trap 14).
 */
export function renderMessages(messages: readonly Message[], options: RenderOptions): Json[] {
  const out: Json[] = [];
  let held: Json[] = [];
  const release = () => {
    if (held.length > 0) out.push({ role: "user", content: held });
    held = [];
  };
  for (const message of messages) {
    if (message.role === "tool") {
      out.push(renderToolResult(message));
      const more = message.content.filter((part) => !isText(part));
      if (more.length > 0)
        held.push({ type: "text", text: `From tool call ${message.callId}:` }, ...more.map(renderInput));
      continue;
    }
    release();
    if (message.role === "assistant") out.push(renderAssistant(message, options));
    else {
      const role = message.role === "developer" ? options.developerRole : message.role;
      const name = message.name === undefined ? {} : { name: message.name };
      out.push({ role, content: renderContent(message.content), ...name });
    }
  }
  release();
  return out;
}
