import { pushAll } from "../../push-all.ts";
import type { InputPart, MediaSource, Message, OutputPart, TextPart } from "../model-request.ts";
import { placed } from "../places.ts";
import { fieldPath, readWith, unknownFields } from "../read-json.ts";
import { isHostedBlock } from "./hosted.ts";
import { blockSchemas, sourceSchemas, type WireBlock, type WireMessage } from "./request-schema.ts";
import { openOpaque } from "./signatures.ts";

type Path = readonly PropertyKey[];
type Content = string | WireBlock[] | null | undefined;

/** What only Anthropic's own backends understand is noted by its path, to be refused by name (wire trap 25). */
export interface BlockReading {
  nativeOnly: string[];
  /** The same of what Anthropic's own tools left in the conversation. */
  hosted: string[];
}

const cached = (value: unknown): { cacheControl?: unknown } => (value == null ? {} : { cacheControl: value });

function asBlocks(content: Content): WireBlock[] {
  if (content == null) return [];
  return typeof content === "string" ? [{ type: "text", text: content }] : content;
}

/** Text blocks alone: a system prompt. */
export function readTexts(content: Content, at: Path, reading: BlockReading): TextPart[] {
  return asBlocks(content).flatMap((block, index) => {
    const path = [...at, index];
    if (block.type === "text") return [readText(block, path)];
    reading.nativeOnly.push(fieldPath(path));
    return [];
  });
}

function readText(block: WireBlock, at: Path): TextPart {
  const { text, cache_control } = readWith(blockSchemas.text, block, at);
  return { type: "text", text, ...cached(cache_control) };
}

function readMedia(source: WireBlock, at: Path): MediaSource | null {
  if (source.type === "base64") {
    const { media_type, data } = readWith(sourceSchemas.base64, source, at);
    return { kind: "base64", mediaType: media_type, data };
  }
  if (source.type === "url") return { kind: "url", url: readWith(sourceSchemas.url, source, at).url };
  if (source.type === "file") return { kind: "file", id: readWith(sourceSchemas.file, source, at).file_id };
  return null;
}

const IMAGE_FIELDS = new Set(["type", "source", "cache_control"]);
const DOCUMENT_FIELDS = new Set(["type", "source", "title", "context", "citations", "cache_control"]);

function readImage(block: WireBlock, at: Path, reading: BlockReading): InputPart[] {
  const { source, cache_control } = readWith(blockSchemas.image, block, at);
  reading.nativeOnly.push(...unknownFields(block, IMAGE_FIELDS, at));
  const media = readMedia(source, [...at, "source"]);
  if (media !== null) return [placed({ type: "image", source: media, ...cached(cache_control) }, at)];
  reading.nativeOnly.push(fieldPath([...at, "source"]));
  return [];
}

function readDocument(block: WireBlock, at: Path, reading: BlockReading): InputPart[] {
  const { source, title, context, citations, cache_control } = readWith(blockSchemas.document, block, at);
  const sourcePath = [...at, "source"];
  reading.nativeOnly.push(...unknownFields(block, DOCUMENT_FIELDS, at));
  if (citations?.enabled === true) reading.nativeOnly.push(fieldPath([...at, "citations"]));
  if (context != null && context !== "") reading.nativeOnly.push(fieldPath([...at, "context"]));
  const more = { ...(title == null ? {} : { name: title }), ...cached(cache_control) };
  if (source.type === "text") {
    const { data } = readWith(sourceSchemas.text, source, sourcePath);
    return [placed({ type: "file", source: { kind: "text", text: data }, ...more }, at)];
  }
  if (source.type === "content") {
    const { content } = readWith(sourceSchemas.content, source, sourcePath);
    const named: InputPart[] = title == null || title === "" ? [] : [{ type: "text", text: `${title}:` }];
    return [...named, ...readInput(content, [...sourcePath, "content"], reading)];
  }
  const media = readMedia(source, sourcePath);
  if (media !== null) return [placed({ type: "file", source: media, ...more }, at)];
  reading.nativeOnly.push(fieldPath(sourcePath));
  return [];
}

function readInputBlock(block: WireBlock, at: Path, reading: BlockReading): InputPart[] {
  if (block.type === "text") return [readText(block, at)];
  if (block.type === "image") return readImage(block, at, reading);
  if (block.type === "document") return readDocument(block, at, reading);
  reading.nativeOnly.push(fieldPath(at));
  return [];
}

/** What a user or a tool says. */
function readInput(content: Content, at: Path, reading: BlockReading): InputPart[] {
  return asBlocks(content).flatMap((block, index) => readInputBlock(block, [...at, index], reading));
}

function readOutput(block: WireBlock, at: Path, reading: BlockReading): OutputPart[] {
  if (block.type === "text") return [readText(block, at)];
  if (block.type === "tool_use") {
    const { id, name, input, cache_control } = readWith(blockSchemas.tool_use, block, at);
    return [{ type: "tool_call", id, name, arguments: JSON.stringify(input), ...cached(cache_control) }];
  }
  if (block.type === "thinking") {
    const { thinking, signature } = readWith(blockSchemas.thinking, block, at);
    if (signature == null || signature === "")
      return [
        { type: "reasoning", text: thinking, signature: null, redacted: null, origin: "anthropic-messages" },
      ];
    const opened = openOpaque(signature);
    return [
      { type: "reasoning", text: thinking, signature: opened.value, redacted: null, origin: opened.origin },
    ];
  }
  if (block.type === "redacted_thinking") {
    const { origin, value } = openOpaque(readWith(blockSchemas.redacted_thinking, block, at).data);
    return [{ type: "reasoning", text: "", signature: null, redacted: value, origin }];
  }
  (isHostedBlock(block.type) ? reading.hosted : reading.nativeOnly).push(fieldPath(at));
  return [];
}

function readUser(content: WireMessage["content"], at: Path, reading: BlockReading): Message[] {
  const messages: Message[] = [];
  const said: InputPart[] = [];
  asBlocks(content).forEach((block, index) => {
    const path = [...at, index];
    if (block.type !== "tool_result") {
      pushAll(said, readInputBlock(block, path, reading));
      return;
    }
    const result = readWith(blockSchemas.tool_result, block, path);
    messages.push({
      role: "tool",
      callId: result.tool_use_id,
      content: readInput(result.content, [...path, "content"], reading),
      isError: result.is_error === true,
      ...cached(result.cache_control),
    });
  });
  if (said.length > 0 || messages.length === 0) messages.push({ role: "user", content: said });
  return messages;
}

/**
 * A message in the internal form: tool results become messages of their own, before what the user said in the same turn.
 *
 * @throws RouteletError `invalid_type` with the block's path.
 */
export function readMessage(message: WireMessage, at: Path, reading: BlockReading): Message[] {
  const contentPath = [...at, "content"];
  if (message.role === "user") return readUser(message.content, contentPath, reading);
  if (message.role === "system")
    return [{ role: "system", content: readTexts(message.content, contentPath, reading) }];
  const content = asBlocks(message.content).flatMap((block, index) =>
    readOutput(block, [...contentPath, index], reading),
  );
  // A turn in which only Anthropic's own tools were at work says nothing elsewhere.
  return content.length === 0 && asBlocks(message.content).length > 0 ? [] : [{ role: "assistant", content }];
}
