import type { Json } from "../json.ts";
import { decodeText, isTextType } from "../media.ts";
import type { InputPart, MediaSource, OutputPart } from "../model-request.ts";
import type { ToolNames } from "../tool-names.ts";
import { mayBeGenuine } from "./signatures.ts";
import { toolInput } from "./wire.ts";

/** How a request's own names are written in this dialect. */
export interface RequestNames {
  tools: ToolNames;
  /** A tool call's id: `^[a-zA-Z0-9_-]+$`. */
  id(id: string): string;
}

const cached = ({ cacheControl }: { cacheControl?: unknown }): Json =>
  cacheControl == null ? {} : { cache_control: cacheControl };

/** The API refuses text blocks of nothing but blanks. */
export const saysSomething = (text: string): boolean => text.trim() !== "";

export function renderText(text: string, part: { cacheControl?: unknown } = {}): Json[] {
  return saysSomething(text) ? [{ type: "text", text, ...cached(part) }] : [];
}

function renderSource(source: MediaSource): Json {
  switch (source.kind) {
    case "url":
      return { type: "url", url: source.url };
    case "base64":
      return { type: "base64", media_type: source.mediaType, data: source.data };
    case "file":
      return { type: "file", file_id: source.id };
  }
}

function renderFile(part: Extract<InputPart, { type: "file" }>): Json {
  const { source } = part;
  const more = { ...(part.name === undefined ? {} : { title: part.name }), ...cached(part) };
  const plain = (data: string): Json => ({
    type: "document",
    source: { type: "text", media_type: "text/plain", data },
    ...more,
  });
  if (source.kind === "text") return plain(source.text);
  if (source.kind === "base64" && isTextType(source.mediaType)) return plain(decodeText(source.data));
  return { type: "document", source: renderSource(source), ...more };
}

/** What a user or a tool says. Audio has no block: `problems` refuses it before. */
export function renderInput(part: InputPart): Json[] {
  switch (part.type) {
    case "text":
      return renderText(part.text, part);
    case "image":
      return [{ type: "image", source: renderSource(part.source), ...cached(part) }];
    case "file":
      return [renderFile(part)];
    case "audio":
      return [];
  }
}

/** What the model said. Thinking goes back to where it was signed, and nowhere else (wire trap 15). */
export function renderOutput(part: OutputPart, names: RequestNames): Json[] {
  switch (part.type) {
    case "text":
      return renderText(part.text, part);
    case "refusal":
      return renderText(part.text);
    case "tool_call":
      return [
        {
          type: "tool_use",
          id: names.id(part.id),
          name: names.tools.toBackend(part.name),
          input: toolInput(part.arguments),
          ...cached(part),
        },
      ];
    case "reasoning": {
      if (part.origin !== "anthropic-messages") return [];
      if (part.redacted !== null) return [{ type: "redacted_thinking", data: part.redacted }];
      return mayBeGenuine(part.signature)
        ? [{ type: "thinking", thinking: part.text, signature: part.signature }]
        : [];
    }
  }
}
