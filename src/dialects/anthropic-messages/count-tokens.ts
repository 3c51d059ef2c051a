import type { FilePart, InputPart, Message, ModelRequest, OutputPart, Tool } from "../model-request.ts";
import { estimateTextTokens } from "./estimate-text.ts";

/** What a chat template adds around a message: its role and its ends. */
const PER_MESSAGE = 4;
const PER_TOOL = 8;
const PER_REQUEST = 3;

/** An image as large as Anthropic takes it without scaling it down, by its own rule of width × height / 750. */
const PER_IMAGE = 1_500;
/** A PDF's page as text and as image; of its size this much is taken for a page. */
const PER_PAGE = 2_250;
const PAGE_BYTES = 75_000;
/** Audio at about 10 tokens a second, of 16 kB/s as compressed. */
const AUDIO_BYTES_PER_TOKEN = 1_600;

const bytesOfBase64 = (data: string): number => (data.length * 3) / 4;

function fileTokens({ source }: FilePart): number {
  switch (source.kind) {
    case "text":
      return estimateTextTokens(source.text);
    case "base64":
      return source.mediaType.startsWith("text/")
        ? bytesOfBase64(source.data) / 4
        : Math.max(1, bytesOfBase64(source.data) / PAGE_BYTES) * PER_PAGE;
    default:
      return PER_PAGE;
  }
}

function partTokens(part: InputPart | OutputPart): number {
  switch (part.type) {
    case "text":
    case "refusal":
      return estimateTextTokens(part.text);
    case "reasoning":
      return estimateTextTokens(part.text);
    case "tool_call":
      return PER_TOOL + estimateTextTokens(part.name) + estimateTextTokens(part.arguments);
    case "image":
      return PER_IMAGE;
    case "audio":
      return bytesOfBase64(part.data) / AUDIO_BYTES_PER_TOKEN;
    case "file":
      return fileTokens(part);
  }
}

function messageTokens(message: Message): number {
  const parts: readonly (InputPart | OutputPart)[] = message.content;
  return parts.reduce((sum, part) => sum + partTokens(part), PER_MESSAGE);
}

function toolTokens({ name, description, parameters }: Tool): number {
  const text = `${name} ${description ?? ""} ${parameters === null ? "" : JSON.stringify(parameters)}`;
  return PER_TOOL + estimateTextTokens(text);
}

/**
 * About how many input tokens a request has, at least 1: for `POST /v1/messages/count_tokens` where no backend counts, and
 * for `message_start`, which comes before a backend has counted. It is an estimate and no more: see `estimate-text.ts`
 * for the error of its texts; images, documents and audio are counted by their usual size. Claude's own tokenizers give
 * up to a third more tokens for the same text; Anthropic's backends count for themselves.
 */
export function estimateInputTokens(request: ModelRequest): number {
  const format = request.format?.type === "json_schema" ? JSON.stringify(request.format.schema) : "";
  const sum =
    PER_REQUEST +
    request.messages.reduce((total, message) => total + messageTokens(message), 0) +
    request.tools.reduce((total, tool) => total + toolTokens(tool), 0) +
    estimateTextTokens(format);
  return Math.max(1, Math.round(sum));
}
