import { mediaFromUrl } from "../media.ts";
import type { InputPart, RefusalPart, TextPart } from "../model-request.ts";
import { placed } from "../places.ts";
import { invalidField, readWith } from "../read-json.ts";
import type { NativeFields } from "./native-fields.ts";
import { contentParts } from "./request-schema.ts";

/** Content as it came: text, or a list of parts of which only the type is certain. */
export type Content = string | { type: string; [more: string]: unknown }[];

export interface ContentReading {
  path: readonly PropertyKey[];
  native: NativeFields;
}

type PartType = keyof typeof contentParts;

const cache = (given: { cache_control?: unknown }): { cacheControl?: unknown } =>
  given.cache_control == null ? {} : { cacheControl: given.cache_control };

/**
 * The parts of a message's content. Parts of a type that OpenAI's types do not have are for a native backend; of
 * those that they have, `types` may stand here.
 *
 * @throws RouteletError `invalid_type` with the part's path.
 */
function readParts<Part>(
  content: Content,
  { path, native }: ContentReading,
  types: readonly PartType[],
  read: (part: Content[number] & object, type: PartType, at: readonly PropertyKey[]) => Part,
): (Part | TextPart)[] {
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  return content.flatMap((part, index) => {
    const at = [...path, index];
    const type = types.find((known) => known === part.type);
    if (type !== undefined) {
      native.addUnknown(part, contentParts[type].shape, at);
      return read(part, type, at);
    }
    if (Object.hasOwn(contentParts, part.type))
      throw invalidField([...at, "type"], `is wrong: only ${types.join(", ")} may stand here`);
    native.add(at);
    return [];
  });
}

function readText(part: object, at: readonly PropertyKey[]): TextPart {
  const given = readWith(contentParts.text, part, at);
  return { type: "text", text: given.text, ...cache(given) };
}

function readFile(part: object, at: readonly PropertyKey[]): InputPart {
  const given = readWith(contentParts.file, part, at);
  const { file_data, file_id, filename } = given.file;
  const more = { ...(filename === undefined ? {} : { name: filename }), ...cache(given) };
  if (file_data !== undefined) return { type: "file", source: mediaFromUrl(file_data), ...more };
  if (file_id !== undefined) return { type: "file", source: { kind: "file", id: file_id }, ...more };
  throw invalidField([...at, "file"], "needs `file_data` or `file_id`");
}

function readInput(part: object, type: PartType, at: readonly PropertyKey[]): InputPart {
  switch (type) {
    case "image_url": {
      const given = readWith(contentParts.image_url, part, at);
      const { url, detail } = given.image_url;
      const source = mediaFromUrl(url);
      const more = { ...(detail === undefined ? {} : { detail }), ...cache(given) };
      return placed({ type: "image", source, ...more }, at);
    }
    case "input_audio": {
      const { data, format } = readWith(contentParts.input_audio, part, at).input_audio;
      return placed({ type: "audio", data, format }, at);
    }
    case "file":
      return placed(readFile(part, at), at);
    default:
      return readText(part, at);
  }
}

/** What a user or a tool says. */
export function readInputContent(content: Content, reading: ContentReading): InputPart[] {
  return readParts(content, reading, ["text", "image_url", "input_audio", "file"], readInput);
}

/** Content that is text alone. */
export function readTextContent(content: Content, reading: ContentReading): TextPart[] {
  return readParts(content, reading, ["text"], (part, _type, at) => readText(part, at));
}

/** What an assistant said. */
export function readOutputContent(content: Content, reading: ContentReading): (TextPart | RefusalPart)[] {
  return readParts(content, reading, ["text", "refusal"], (part, type, at) =>
    type === "text"
      ? readText(part, at)
      : { type: "refusal", text: readWith(contentParts.refusal, part, at).refusal },
  );
}
